-- Puts a tombstone where a live token was; what was dead stays as it was.
-- Returns what there was before, and how many replicas there are to wait for.
local before = redis.call('GET', KEYS[1])
if before and string.sub(before, 1, 1) == 'M' then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
local replicas = string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')
return { before, tonumber(replicas) }
