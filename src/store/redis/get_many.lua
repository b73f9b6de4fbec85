-- What is known about a token: its record, or whether there is a tombstone.
--
-- KEYS: token record, then the tombstones of each week; ARGV: half of the token's hash
local entry = redis.call('GET', KEYS[1])
if entry then
  return entry
end
for week = 2, #KEYS do
  if redis.call('SISMEMBER', KEYS[week], ARGV[1]) == 1 then
    return 'E'
  end
end
return false
