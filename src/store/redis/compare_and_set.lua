-- Sets a field of a hash if it still is what the caller saw; an empty value is not a field.
-- Returns whether it was set, and how many replicas there are to wait for.
local current = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if current ~= ARGV[2] then
  return { 0, 0 }
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
local replicas = string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')
return { 1, tonumber(replicas) }
