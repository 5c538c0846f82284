-- Returns how many shards could start now, and how many are leased.
local ready = mode == 'running' and call('ZCARD', key('ready')) or 0
return { digits(ready), digits(call('ZCARD', key('running')) + call('SCARD', key('twice'))) }
