-- The state of one job and what moves it. This file stands before each of the others that begin with KEYS[1], the
-- hash `et:{JOB}:job`; every other key of the job begins like it, so that a cluster keeps them together.
--
-- It says what `queue::state` says, in the same order and under the same names: the conformance tests compare the two
-- operation by operation. What Rust keeps in one structure is here
--
--   job                hash: mode, next token, whether all is offered, and all counts
--   plan               hash: shard → its sources, a space, its description; as long as it is open
--   open               hash: shard → packed {k = highest token, s = state, c = copies, t = committed token}
--                        a copy: {t = token, w = worker, b = begun, f = careful, p = position, x = is second}
--   trouble, explained hash: shard → packed {f = failures, l = losses, r = reason, b = blamed, a = set aside}
--   ready              sorted set: shard by failures
--   leases             sorted set: shard:token by deadline
--   held               sorted set, by name alone: worker, a zero byte, shard:token
--   running, twice     sorted set of the shards in one copy, by when it began; set of those in two
--   commits, parts     sorted set: shard by deadline; hash: shard → what was finished
--   strays             set: open shards that the planner has not described
--   done, aside, offered   one bit for each shard
--   lately             list of durations
--   tally, outcomes, reasons, dropped   hashes: name → count
--
-- Shards and tokens are written with leading zeros, so that the order of texts is the order of numbers. Times are
-- microseconds: they and the tokens stay below 2^53, which a double holds exactly, but only `%.0f` writes them so.

local base = string.sub(KEYS[1], 1, -4)
local job = KEYS[1]
local call = redis.call

local function key(name)
  return base .. name
end

local at = 0
local function text()
  at = at + 1
  return ARGV[at]
end
local function number()
  return tonumber(text())
end

local now = number()
local rules = {
  lease = number(),
  publication = number(),
  max_failures = number(),
  max_losses = number(),
  careful_after = number(),
  max_sources_aside = number(),
  max_open = number(),
  slow_factor = number(),
  slow_at_least = number(),
}

local head = call('HMGET', job, 'mode', 'token', 'all_offered')
local mode, next_token, all_offered = head[1], tonumber(head[2]), head[3] == '1'

local function digits(count)
  return string.format('%.0f', count)
end

local function name_of(shard)
  return string.format('%08d', shard)
end

local function member_of(shard, token)
  return name_of(shard) .. ':' .. string.format('%016.0f', token)
end

local function from_member(member)
  return tonumber(string.sub(member, 1, 8)), tonumber(string.sub(member, 10))
end

local function count(what)
  call('HINCRBY', job, what, 1)
end

local function has_bit(set, shard)
  return call('GETBIT', key(set), shard) == 1
end

local function load(shard)
  local packed = call('HGET', key('open'), name_of(shard))
  return packed and cmsgpack.unpack(packed)
end

local function save(shard, open)
  call('HSET', key('open'), name_of(shard), cmsgpack.pack(open))
end

local function trouble_of(shard)
  local packed = call('HGET', key('trouble'), name_of(shard))
  return packed and cmsgpack.unpack(packed) or { f = 0, l = 0, r = '', b = {}, a = {} }
end

local function set_next_token(token)
  next_token = token
  call('HSET', job, 'token', digits(token))
end

local function take_token()
  local token = math.max(next_token, now)
  set_next_token(token + 1)
  return token
end

local function leases_of(worker)
  local range = call('ZRANGEBYLEX', key('held'), '[' .. worker .. '\0', '(' .. worker .. '\1')
  local leases = {}
  for _, member in ipairs(range) do
    -- A worker whose name goes on after a zero byte is another one.
    if #member == #worker + 26 then
      leases[#leases + 1] = string.sub(member, -25)
    end
  end
  return leases
end

local function renew_copy(shard, copy)
  call('ZADD', key('leases'), digits(now + rules.lease), member_of(shard, copy.t))
end

-- Keeps `running` and `twice` in step with a shard's copies, of which there were `before`.
local function index(shard, open, before)
  local name = name_of(shard)
  if before == 1 then
    call('ZREM', key('running'), name)
  elseif before == 2 then
    call('SREM', key('twice'), name)
  end
  if #open.c == 1 then
    call('ZADD', key('running'), digits(open.c[1].b), name)
  elseif #open.c == 2 then
    call('SADD', key('twice'), name)
  end
end

local function add_copy(shard, open, copy)
  open.s = 'leased'
  open.k = copy.t
  table.insert(open.c, copy)
  renew_copy(shard, copy)
  call('ZADD', key('held'), 0, copy.w .. '\0' .. member_of(shard, copy.t))
  index(shard, open, #open.c - 1)
  save(shard, open)
end

local function drop_copy(shard, copy)
  local member = member_of(shard, copy.t)
  call('ZREM', key('leases'), member)
  call('ZREM', key('held'), copy.w .. '\0' .. member)
end

local function drop_copies(shard, open)
  local before = #open.c
  for _, copy in ipairs(open.c) do
    drop_copy(shard, copy)
  end
  open.c = {}
  index(shard, open, before)
end

local function copy_of(open, token)
  for position, copy in ipairs(open.c) do
    if copy.t == token then
      return copy, position
    end
  end
end

local function forget_commit(shard)
  call('ZREM', key('commits'), name_of(shard))
  call('HDEL', key('parts'), name_of(shard))
end

local function end_lease(shard, open, token)
  if open.s == 'leased' then
    local copy, position = copy_of(open, token)
    if copy then
      drop_copy(shard, copy)
      table.remove(open.c, position)
      index(shard, open, #open.c + 1)
    end
    if #open.c == 0 then
      open.s = 'pending'
    end
  elseif open.s == 'committed' and open.t == token then
    forget_commit(shard)
    open.s = 'pending'
  end
  save(shard, open)
  if open.s == 'pending' and call('HEXISTS', key('plan'), name_of(shard)) == 1 then
    call('ZADD', key('ready'), trouble_of(shard).f, name_of(shard))
  end
end

-- Takes a shard out of everything that knows open shards.
local function remove(shard, open)
  local name = name_of(shard)
  if open.s == 'leased' then
    drop_copies(shard, open)
  elseif open.s == 'committed' then
    forget_commit(shard)
  else
    call('ZREM', key('ready'), name)
  end
  if call('HDEL', key('plan'), name) == 0 then
    call('SREM', key('strays'), name)
  end
  call('HDEL', key('trouble'), name)
  call('HDEL', key('open'), name)
end

local function void(open)
  open.k = next_token
  set_next_token(next_token + 1)
end

-- 'held' with the shard and the copy, 'committed' or 'stale'.
local function standing(worker, shard, token)
  if shard >= MAX_SHARDS or token > MAX_TOKEN then
    return 'stale'
  end
  local open = load(shard)
  local is_free
  if not open then
    is_free = not all_offered and not has_bit('done', shard) and not has_bit('aside', shard)
  elseif open.s == 'committed' then
    if open.t == token then
      return 'committed'
    end
    is_free = false
  elseif open.s == 'leased' then
    local copy = copy_of(open, token)
    if copy and copy.w == worker then
      return 'held', open, copy
    end
    is_free = false
  else
    is_free = token >= open.k
  end
  if not is_free or mode == 'cancelled' then
    if open and token >= open.k then
      set_next_token(math.max(next_token, token + 1))
      void(open)
      save(shard, open)
    end
    return 'stale'
  end
  count('adopted')
  set_next_token(math.max(next_token, token + 1))
  call('ZREM', key('ready'), name_of(shard))
  if not open then
    open = { k = 0, s = 'pending', c = {} }
    call('SADD', key('strays'), name_of(shard))
  end
  local copy = { t = token, w = worker, b = now, f = false, x = false }
  add_copy(shard, open, copy)
  return 'held', open, copy
end

local function position_in(list, wanted)
  for position, item in ipairs(list) do
    if item == wanted then
      return position
    end
  end
end

-- A source that can be blamed. A worker that has finished the last one stands behind it.
local function source_at(shard, position)
  local plan = call('HGET', key('plan'), name_of(shard))
  if position and plan and position >= tonumber(string.match(plan, '^%d+')) then
    return nil
  end
  return position
end

local function blame(trouble, source)
  if not source or position_in(trouble.a, source) then
    return false
  end
  local before = position_in(trouble.b, source)
  if not before then
    table.insert(trouble.b, source)
    return false
  end
  table.remove(trouble.b, before)
  table.insert(trouble.a, source)
  table.sort(trouble.a)
  trouble.f = 0
  trouble.l = 0
  return true
end

local function end_or_put_aside(shard, open, token, trouble, put_aside)
  if not put_aside then
    call('HSET', key('trouble'), name_of(shard), cmsgpack.pack(trouble))
    return end_lease(shard, open, token)
  end
  remove(shard, open)
  call('SETBIT', key('aside'), shard, 1)
  count('shards_set_aside')
  count('fruitless')
  call('HSET', job, 'fruitless_reason', trouble.r)
  if call('HLEN', key('explained')) < MAX_EXPLAINED then
    call('HSET', key('explained'), name_of(shard), cmsgpack.pack(trouble))
  end
end

local function failed(shard, open, token, reason, source)
  count('failed')
  void(open)
  local trouble = trouble_of(shard)
  trouble.r = reason
  if not blame(trouble, source_at(shard, source)) then
    trouble.f = trouble.f + 1
  end
  local is_hopeless = trouble.f >= rules.max_failures or #trouble.a > rules.max_sources_aside
  end_or_put_aside(shard, open, token, trouble, is_hopeless)
end

local function lost(shard, open, token)
  local trouble = trouble_of(shard)
  if not blame(trouble, source_at(shard, copy_of(open, token).p)) then
    trouble.l = trouble.l + 1
  end
  trouble.r = LOST
  local is_hopeless = trouble.l >= rules.max_losses or #trouble.a > rules.max_sources_aside
  end_or_put_aside(shard, open, token, trouble, is_hopeless)
end
