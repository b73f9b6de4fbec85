-- Burns an ID token and keeps the registry token it made, or does nothing at all.
--
-- KEYS: birth, replay record, token record, run index (where the issuer knows runs)
local birth, replay, token, run = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
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

-- The birth names the server it was written on (births.lua): a promoted replica, or a server that was
-- restarted, may have lost the newest records, and counts as born when a broker finds that out.
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local written_on, born = string.match(redis.call('GET', birth) or '', '^(%x+) (%d+)$')
if written_on ~= server then
  return redis.error_reply('UNBORN the birth of this tag is missing or of another server')
end
if issued_at <= tonumber(born) then
  return 'reset'
end

redis.call('HSET', replay, 'registry', registry, field, hash)
redis.call('EXPIRE', replay, replay_ttl)
redis.call('SET', token, record, 'EX', token_ttl)
if run then
  redis.call('ZADD', run, expires, hash)
  redis.call('ZREMRANGEBYSCORE', run, '-inf', now)
  if redis.call('TTL', run) < tonumber(token_ttl) then
    redis.call('EXPIRE', run, token_ttl)
  end
end
return 'minted'
