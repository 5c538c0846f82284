-- KEYS: the jobs. ARGV: the hash of how they stand; id, record, how it stands. Returns whether it is new.
local is_new = redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
if is_new == 1 then
  redis.call('HSET', ARGV[1], ARGV[2], ARGV[4])
end
return is_new
