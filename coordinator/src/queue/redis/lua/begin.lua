-- ARGV: the bits of the shards that are done, and how many they are. Returns whether there was no such queue.
if mode then
  return 0
end
call('HSET', job, 'mode', 'running', 'token', '1', 'all_offered', '0')
call('SET', key('done'), text())
call('HSET', job, 'shards_done', text())
return 1
