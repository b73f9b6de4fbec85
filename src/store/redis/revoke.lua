-- Revokes tokens by name and, a part at a time, those of a run; what was revoked stays as it was.
--
-- KEYS: run index (or a name that nothing has), then the token record of each token by name
-- ARGV: what goes before the record of a revoked token; for how many seconds it is kept at least; where
--       the keys of this tag's tokens begin; from which place in the run index on, and how many; then
--       the hash of each token by name
-- Returns the hash and the record of each token that there is, how many tokens of the run were looked
-- at, and how many replicas there are to wait for.
local killed, least, prefix = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local first, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local found = {}

local function kill(key, hash)
  local entry = redis.call('GET', key)
  if not entry then
    return
  end
  if string.sub(entry, 1, 1) == 'M' then
    entry = killed .. string.sub(entry, 2)
    redis.call('SET', key, entry, 'KEEPTTL')
    if redis.call('TTL', key) < least then
      redis.call('EXPIRE', key, least)
    end
  end
  found[#found + 1] = hash
  found[#found + 1] = entry
end

for name = 2, #KEYS do
  kill(KEYS[name], ARGV[name + 4])
end
-- From the youngest to the oldest: a mint in between moves the others back, so none is skipped.
local members = redis.call('ZREVRANGE', KEYS[1], first, first + most - 1)
for _, hash in ipairs(members) do
  -- In the slot of the run index, since they share its tag.
  kill(prefix .. string.gsub(hash, '.', function(byte)
    return string.format('%02x', string.byte(byte))
  end), hash)
end
local replicas = string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')
return { found, #members, tonumber(replicas) }
