call('HSET', job, 'all_offered', '1')
for _, name in ipairs(call('SMEMBERS', key('strays'))) do
  local shard = tonumber(name)
  remove(shard, load(shard))
end
return 1
