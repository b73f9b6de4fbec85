-- Keeps messages, none of a name that is there already or was lately, and no more than there is room for.
--
-- KEYS: when each is due, what each says, what the names of those begin with that were discarded
-- ARGV: room, then the name, the instant and the text of each
-- Returns the names of those that found no room, and how many replicas there are to wait for.
local most, refused = tonumber(ARGV[1]), {}
for at = 2, #ARGV, 3 do
  local known = redis.call('HEXISTS', KEYS[2], ARGV[at]) == 1 or redis.call('EXISTS', KEYS[3] .. ARGV[at]) == 1
  if not known then
    if redis.call('HLEN', KEYS[2]) >= most then
      refused[#refused + 1] = ARGV[at]
    else
      redis.call('ZADD', KEYS[1], ARGV[at + 1], ARGV[at])
      redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2])
    end
  end
end
local replicas = string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')
return { refused, tonumber(replicas) }
