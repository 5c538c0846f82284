-- ARGV: shard; sources, rows, events, bytes; how many outcomes and of each name, count; the same of what was
-- dropped and of reasons.
-- Returns whether that is news.
local shard = number()
local open = shard < MAX_SHARDS and load(shard)
if not open then
  return 0
end
local planned = call('HGET', key('plan'), name_of(shard))
if planned then
  call('HINCRBY', job, 'sources_done', string.sub(planned, 1, string.find(planned, ' ', 1, true) - 1))
end
remove(shard, open)
call('SETBIT', key('done'), shard, 1)
count('shards_done')
call('HSET', job, 'fruitless', '0', 'fruitless_reason', '')
for _, what in ipairs({ 'sources', 'rows', 'events', 'bytes' }) do
  call('HINCRBY', key('tally'), what, text())
end
for _ = 1, number() do
  call('HINCRBY', key('outcomes'), text(), text())
end
for _ = 1, number() do
  call('HINCRBY', key('dropped'), text(), text())
end
for _ = 1, number() do
  local reason, times = text(), text()
  local is_missing = string.sub(reason, 1, #MISSING_MODULE) == MISSING_MODULE
  local most = is_missing and MAX_REASONS_IN_ALL or MAX_REASONS
  local is_full = call('HLEN', key('reasons')) >= most and call('HEXISTS', key('reasons'), reason) == 0
  call('HINCRBY', key('reasons'), is_full and OTHER_REASONS or reason, times)
end
return 1
