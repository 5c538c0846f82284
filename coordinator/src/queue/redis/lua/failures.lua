-- Returns six texts for each shard with which something went wrong: shard, failures, losses, reason, whether it is set
-- aside, sources that are.
local names = {}
for _, set in ipairs({ 'trouble', 'explained' }) do
  for _, name in ipairs(call('HKEYS', key(set))) do
    names[#names + 1] = { name = name, set = set }
  end
end
table.sort(names, function(one, other) return one.name < other.name end)
local reply = {}
for position = 1, math.min(#names, MAX_TOLD) do
  local name, set = names[position].name, names[position].set
  local trouble = cmsgpack.unpack(call('HGET', key(set), name))
  reply[#reply + 1] = name
  reply[#reply + 1] = digits(trouble.f)
  reply[#reply + 1] = digits(trouble.l)
  reply[#reply + 1] = trouble.r
  reply[#reply + 1] = set == 'explained' and '1' or '0'
  reply[#reply + 1] = table.concat(trouble.a, ',')
end
return reply
