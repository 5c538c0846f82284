-- ARGV: pause, resume, drain or cancel.
local change = text()
if mode == 'cancelled' then
  return 0
end
if change == 'pause' and mode == 'running' then
  call('HSET', job, 'mode', 'paused')
elseif change == 'resume' then
  call('HSET', job, 'mode', 'running', 'fruitless', '0', 'fruitless_reason', '')
elseif change == 'drain' then
  call('HSET', job, 'mode', 'draining')
elseif change == 'cancel' then
  call('HSET', job, 'mode', 'cancelled')
  for _, member in ipairs(call('ZRANGE', key('leases'), 0, -1)) do
    local shard, token = from_member(member)
    end_lease(shard, load(shard), token)
  end
end
return 1
