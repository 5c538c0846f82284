-- Returns how many leases have expired, and three texts for each abandoned publication: shard, token, attempt with
-- tally.
local expired = 0
for _, member in ipairs(call('ZRANGEBYSCORE', key('leases'), '-inf', digits(now), 'LIMIT', 0, MAX_SWEPT)) do
  local shard, token = from_member(member)
  local open = load(shard)
  -- The first of two copies may have been the last that its shard was given.
  if open then
    expired = expired + 1
    count('expired')
    lost(shard, open, token)
  end
end

local reply = { digits(expired) }
for _, name in ipairs(call('ZRANGEBYSCORE', key('commits'), '-inf', digits(now), 'LIMIT', 0, MAX_SWEPT)) do
  call('ZADD', key('commits'), digits(now + rules.publication), name)
  reply[#reply + 1] = name
  reply[#reply + 1] = digits(load(tonumber(name)).t)
  reply[#reply + 1] = call('HGET', key('parts'), name)
end
return reply
