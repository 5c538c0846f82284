#!/bin/sh
# Runs the tests of stores and sources in S3 against Garage, a production server, on loopback. Garage ignores the
# conditions and refuses the checksums that the server in tests would let pass.
#
# usage: tests/garage.sh GARAGE   (the program; `make test-garage` installs it)
set -eu

garage=$1
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; wait; rm -rf "$folder"' EXIT
server=

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
random_hex() {
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

rpc=127.0.0.1:$(free_port)
s3=127.0.0.1:$(free_port)
cat > "$folder/garage.toml" <<TOML
metadata_dir = "$folder/meta"
data_dir = "$folder/data"
db_engine = "lmdb"
replication_factor = 1
rpc_bind_addr = "$rpc"
rpc_public_addr = "$rpc"
rpc_secret = "$(random_hex 32)"

[s3_api]
s3_region = "garage"
api_bind_addr = "$s3"
TOML
ask() {
    "$garage" -c "$folder/garage.toml" "$@"
}

ask server > "$folder/log" 2>&1 &
server=$!
attempts=0
until node=$(ask node id -q 2>/dev/null) && ask status > /dev/null 2>&1; do
    attempts=$((attempts + 1))
    if [ $attempts -gt 60 ] || ! kill -0 "$server"; then
        cat "$folder/log"
        exit 1
    fi
    sleep 0.5
done
ask layout assign -z here -c 1G "${node%%@*}" > /dev/null
ask layout apply --version 1 > /dev/null

AWS_ACCESS_KEY_ID=GK$(random_hex 12)
AWS_SECRET_ACCESS_KEY=$(random_hex 32)
ask key import --yes -n tests "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" > /dev/null
ask bucket create tests > /dev/null
ask bucket allow --read --write --owner tests --key "$AWS_ACCESS_KEY_ID" > /dev/null

export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export AWS_REGION=garage AWS_ENDPOINT_URL_S3="http://$s3" ET_TEST_S3=s3://tests
${CARGO:-cargo} test --workspace --test it -- in_s3 remote tables
