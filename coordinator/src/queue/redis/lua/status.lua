-- Returns the job's own fields, how many shards wait, run, are committed and are open, and the four tallies.
return {
  call('HGETALL', job),
  {
    digits(call('ZCARD', key('ready'))),
    digits(call('ZCARD', key('running')) + call('SCARD', key('twice'))),
    digits(call('ZCARD', key('commits'))),
    digits(call('HLEN', key('open'))),
  },
  call('HGETALL', key('tally')),
  call('HGETALL', key('outcomes')),
  call('HGETALL', key('reasons')),
  call('HGETALL', key('dropped')),
}
