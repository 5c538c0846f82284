-- ARGV: shard, token, reason.
local shard, token, reason = number(), number(), text()
local open = shard < MAX_SHARDS and load(shard)
if open and open.s == 'committed' and open.t == token then
  failed(shard, open, token, reason, nil)
end
return 1
