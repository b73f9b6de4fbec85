-- Spends an ID token and keeps the registry token it made, or does nothing at all.
--
-- KEYS: epoch, replay record, token record, counter, run index, the tombstones of the token's last week
-- ARGV from the 14th on: each policy that limits its runs, and how many tokens it allows one
local epoch, replay, token, counter = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local run, tombstones = KEYS[5], KEYS[6]
local slot, hash, registry, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local now, issued_at = tonumber(ARGV[5]), tonumber(ARGV[6])
local replay_ttl, token_ttl, max_packages, expires = ARGV[7], ARGV[8], tonumber(ARGV[9]), ARGV[10]

-- The replay record: 'registry', and 'slot:<package>' -> the hash of the token it made.
local field = 'slot:' .. slot
local spent = redis.call('HGET', replay, field)
if spent == hash then
  return 'minted' -- this very mint, sent again after a cut connection
end
if spent then
  return 'replayed'
end
local spent_on = redis.call('HGET', replay, 'registry')
if spent_on then
  local packages = redis.call('HLEN', replay) - 1
  local room = slot ~= '' and spent_on == registry and packages < max_packages
    and redis.call('HEXISTS', replay, 'slot:') == 0
  if not room then
    return 'replayed'
  end
end

-- The epoch names the server it was written on (epochs.lua): a promoted replica, or a server that was
-- restarted, may have lost the newest records, and counts as born when a broker finds that out.
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local written_on, created = string.match(redis.call('GET', epoch) or '', '^(%x+) (%d+)$')
if written_on ~= server then
  return redis.error_reply('STALE_EPOCH the epoch of this tag is missing or of another server')
end
if issued_at <= tonumber(created) then
  return 'reset'
end

-- The counter: policy -> how many tokens this run has minted under it.
for policy = 14, #ARGV, 2 do
  local minted = tonumber(redis.call('HGET', counter, ARGV[policy]) or 0)
  if minted >= tonumber(ARGV[policy + 1]) then
    return 'exhausted'
  end
end
for policy = 14, #ARGV, 2 do
  redis.call('HINCRBY', counter, ARGV[policy], 1)
end
if #ARGV >= 14 and redis.call('TTL', counter) < 0 then
  redis.call('EXPIRE', counter, ARGV[11])
end

redis.call('HSET', replay, 'registry', registry, field, hash)
redis.call('EXPIRE', replay, replay_ttl)
redis.call('SET', token, record, 'EX', token_ttl)
redis.call('ZADD', run, expires, hash)
redis.call('ZREMRANGEBYSCORE', run, '-inf', now)
if redis.call('TTL', run) < tonumber(token_ttl) then
  redis.call('EXPIRE', run, token_ttl)
end

-- The tombstone: half of the hash, which says only that the token was minted. Beyond the bound of a
-- week, one is forgotten for each that comes.
redis.call('SADD', tombstones, string.sub(hash, 1, 16))
redis.call('EXPIRE', tombstones, ARGV[12])
if redis.call('SCARD', tombstones) > tonumber(ARGV[13]) then
  redis.call('SPOP', tombstones)
end
return 'minted'
