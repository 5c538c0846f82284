-- ARGV: how many shards; of each its ordinal, its sources and its description.
for _ = 1, number() do
  local shard, sources, description = number(), text(), text()
  local name = name_of(shard)
  local is_done = has_bit('done', shard)
  if call('SETBIT', key('offered'), shard, 1) == 0 then
    count('shards_planned')
    call('HINCRBY', job, 'sources_planned', sources)
    if is_done then
      call('HINCRBY', job, 'sources_done', sources)
    end
  end
  if not is_done and not has_bit('aside', shard) then
    call('HSET', key('plan'), name, sources .. ' ' .. description)
    call('SREM', key('strays'), name)
    local open = load(shard)
    if not open then
      open = { k = 0, s = 'pending', c = {} }
      save(shard, open)
    end
    if open.s == 'pending' then
      call('ZADD', key('ready'), trouble_of(shard).f, name)
    end
  end
end
return 1
