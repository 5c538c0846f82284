#!/bin/sh
# Makes a Python environment: setup.sh FOLDER REQUIREMENTS
#
# uv does in seconds what pip takes minutes for. Where there is none, it is installed beside the environment.
set -eu

folder=$1
requirements=$2

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
	python3 -m venv "$folder-uv"
	"$folder-uv/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.9
	uv=$folder-uv/bin/uv
fi
"$uv" venv --quiet --clear --python '>=3.11' "$folder"
"$uv" pip sync --quiet --python "$folder/bin/python" "$requirements"
# Only a whole environment has this.
touch "$folder/ready"
