-- Stands before every script but the one that begins a queue.
if not mode then
  return redis.error_reply('UNKNOWNJOB the job has no queue here')
end
