-- ARGV: worker, free slots; how many are finished, and of each shard, token, attempt with tally; how many have failed,
-- and of each shard, token, reason, source or nothing; how many are released, and of each shard, token; how many run,
-- and of each shard, token, position or nothing.
-- Returns a letter for each that is finished (a: accepted, r: repeated, s: stale), one for each that runs, and five
-- texts for each to start: shard, token, description, whether careful, sources to set aside.
local worker, free_slots = text(), number()
local mentioned = {}

local finished_verdicts = {}
for position = 1, number() do
  local shard, token, part = number(), number(), text()
  local how, open, copy = standing(worker, shard, token)
  if how == 'held' then
    drop_copies(shard, open)
    open.s = 'committed'
    open.t = token
    save(shard, open)
    call('ZADD', key('commits'), digits(now + rules.publication), name_of(shard))
    call('HSET', key('parts'), name_of(shard), part)
    if copy.x then
      count('speculated_first')
    end
    call('LPUSH', key('lately'), digits(math.max(now - copy.b, 0)))
    call('LTRIM', key('lately'), 0, LATELY - 1)
    finished_verdicts[position] = 'a'
  else
    finished_verdicts[position] = how == 'committed' and 'r' or 's'
  end
end

for _ = 1, number() do
  local shard, token, reason, source = number(), number(), text(), number()
  local how, open = standing(worker, shard, token)
  if how == 'held' then
    failed(shard, open, token, reason, source)
  end
end

for _ = 1, number() do
  local shard, token = number(), number()
  local how, open = standing(worker, shard, token)
  if how == 'held' then
    count('released')
    void(open)
    end_lease(shard, open, token)
  end
end

local running_verdicts = {}
for position = 1, number() do
  local shard, token, source = number(), number(), number()
  local how, open, copy = standing(worker, shard, token)
  if how == 'held' then
    renew_copy(shard, copy)
    if copy.f and source and source > (copy.p or -1) then
      copy.p = source
      save(shard, open)
    end
    mentioned[member_of(shard, token)] = true
  end
  running_verdicts[position] = how == 'stale' and 's' or 'a'
end

if mode ~= 'running' then
  free_slots = 0
end
local reply = { table.concat(finished_verdicts), table.concat(running_verdicts) }

local function description_of(shard)
  local planned = call('HGET', key('plan'), name_of(shard))
  return planned and string.sub(planned, string.find(planned, ' ', 1, true) + 1)
end

local function start(shard, copy, description, trouble)
  free_slots = free_slots - 1
  reply[#reply + 1] = name_of(shard)
  reply[#reply + 1] = digits(copy.t)
  reply[#reply + 1] = description
  reply[#reply + 1] = copy.f and '1' or '0'
  reply[#reply + 1] = table.concat(trouble.a, ',')
end

for _, member in ipairs(leases_of(worker)) do
  if not mentioned[member] then
    local shard, token = from_member(member)
    local open = load(shard)
    local description = description_of(shard)
    if description and free_slots > 0 then
      local copy = copy_of(open, token)
      renew_copy(shard, copy)
      start(shard, copy, description, trouble_of(shard))
    else
      count('withdrawn')
      end_lease(shard, open, token)
    end
  end
end

-- How long a shard runs before it is slow; nothing while too few are finished to tell.
local function slow_after()
  local lately = call('LRANGE', key('lately'), 0, -1)
  if #lately < ENOUGH then
    return nil
  end
  local durations = {}
  for position, duration in ipairs(lately) do
    durations[position] = tonumber(duration)
  end
  table.sort(durations)
  local median = durations[math.floor(#durations / 2) + 1]
  return math.max(median * rules.slow_factor, rules.slow_at_least)
end

local function slow_shard()
  local slow_time = all_offered and slow_after()
  if not slow_time or slow_time > now then
    return nil
  end
  local begun_before = digits(now - slow_time)
  local slow = call('ZRANGEBYSCORE', key('running'), '-inf', begun_before, 'LIMIT', 0, CONSIDERED)
  for _, name in ipairs(slow) do
    local copy = load(tonumber(name)).c[1]
    if copy.w ~= worker and not copy.f then
      return tonumber(name)
    end
  end
end

while free_slots > 0 do
  local first = call('ZPOPMIN', key('ready'))[1]
  local shard = first and tonumber(first) or slow_shard()
  if not shard then
    break
  end
  if not first then
    count('speculated')
  end
  local trouble = trouble_of(shard)
  local copy = {
    t = take_token(),
    w = worker,
    b = now,
    f = trouble.l >= rules.careful_after,
    x = not first,
  }
  add_copy(shard, load(shard), copy)
  start(shard, copy, description_of(shard), trouble)
end
return reply
