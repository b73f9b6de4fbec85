-- The messages that are due, which are not due again for a while.
--
-- KEYS: when each is due, what each says; ARGV: now, until when, how many
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  local body = redis.call('HGET', KEYS[2], id)
  if body then
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    found[#found + 1] = id
    found[#found + 1] = body
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return found
