-- ARGV: how many shards the plan has. Returns whether all of them are known.
if tonumber(call('HGET', job, 'shards_planned') or 0) < number() then
  return 0
end
call('HSET', job, 'all_offered', '1')
for _, name in ipairs(call('SMEMBERS', key('strays'))) do
  local shard = tonumber(name)
  remove(shard, load(shard))
end
return 1
