for _, name in ipairs({
  'job', 'plan', 'open', 'trouble', 'explained', 'ready', 'leases', 'held', 'running', 'twice', 'commits', 'parts',
  'strays', 'done', 'aside', 'offered', 'lately', 'tally', 'outcomes', 'reasons', 'dropped',
}) do
  call('DEL', key(name))
end
return 1
