local hands_out = mode == 'running' or mode == 'paused'
return not all_offered and hands_out and call('HLEN', key('open')) < rules.max_open and 1 or 0
