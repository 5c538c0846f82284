-- KEYS: the jobs. ARGV: the hash of how they stand. Returns record and how it stands of each.
local reply = {}
local records = redis.call('HGETALL', KEYS[1])
for at = 1, #records, 2 do
  reply[at] = records[at + 1]
  reply[at + 1] = redis.call('HGET', ARGV[1], records[at])
end
return reply
