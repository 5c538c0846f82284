-- ARGV: worker.
for _, member in ipairs(leases_of(text())) do
  local shard, token = from_member(member)
  count('lost')
  lost(shard, load(shard), token)
end
return 1
