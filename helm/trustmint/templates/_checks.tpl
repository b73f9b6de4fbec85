{{/* Fails with a message for values that cannot work. trustmint checks the configuration itself. */}}
{{- define "trustmint.checks" -}}
{{- $values := .Values }}
{{- if not .Values.publicUrl }}
{{- fail "publicUrl is missing: the URL of trustmint for jobs, such as https://publish.example.com" }}
{{- end }}
{{- if not .Values.image.repository }}
{{- fail "image.repository is missing: the image of trustmint" }}
{{- end }}
{{- if not .Values.config.issuers }}
{{- fail "config.issuers is empty: add an issuer, such as github: {kind: github}" }}
{{- end }}
{{- if not .Values.config.registries }}
{{- fail "config.registries is empty: add a registry, such as pypi: {kind: pypi, hosts: [pypi.example.com]}" }}
{{- end }}
{{- range $section := list "public_url" "listen" "store" "policies" "audit" }}
{{- if hasKey $values.config $section }}
{{- fail (printf "config.%s is written by the chart: set the chart's own values instead" $section) }}
{{- end }}
{{- end }}
{{- if hasKey (default dict .Values.config.limits) "drain_timeout" }}
{{- fail "config.limits.drain_timeout is set by drainSeconds, which also sets the pod's grace period" }}
{{- end }}
{{- include "trustmint.checkStore" . }}
{{- include "trustmint.checkFiles" (dict "files" .Values.files "where" "config" "table" .Values.config) }}
{{- include "trustmint.checkPolicies" . }}
{{- include "trustmint.checkListeners" . }}
{{- end }}

{{- define "trustmint.checkStore" -}}
{{- $values := .Values }}
{{- with .Values.redis }}
{{- if not .url }}
{{- if $values.autoscaling.enabled }}
{{- fail "autoscaling.enabled needs redis.url: the embedded store is a file of one pod" }}
{{- end }}
{{- if gt (int $values.replicaCount) 1 }}
{{- fail (printf "replicaCount is %d, which needs redis.url: the embedded store is a file of one pod" (int $values.replicaCount)) }}
{{- end }}
{{- if or .passwordSecret.name .caFile }}
{{- fail "redis.passwordSecret and redis.caFile need redis.url" }}
{{- end }}
{{- else }}
{{- if regexMatch "://[^/@]*:[^/@]*@" .url }}
{{- fail "redis.url contains a password: put it into a Secret and name the Secret in redis.passwordSecret" }}
{{- end }}
{{- if $values.persistence.existingClaim }}
{{- fail "persistence.existingClaim is for the embedded store, and redis.url is set" }}
{{- end }}
{{- if and .caFile (not (hasKey $values.files .caFile)) }}
{{- fail (printf "redis.caFile names %s, which is not in files" .caFile) }}
{{- end }}
{{- if $values.networkPolicy.enabled }}
{{- if not $values.networkPolicy.redisTo }}
{{- fail "networkPolicy.redisTo is empty: name the peers that are Redis, or no pod can connect to it" }}
{{- end }}
{{- $ports := list }}
{{- range $values.networkPolicy.redisPorts }}{{ $ports = append $ports (int .) }}{{ end }}
{{- range splitList "," (.url | splitList "://" | last | splitList "/" | first) }}
{{- $port := regexFind ":[0-9]+$" . | trimPrefix ":" | default "6379" | int }}
{{- if not (has $port $ports) }}
{{- fail (printf "redis.url has the port %d, which is not in networkPolicy.redisPorts" $port) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Fails if the configuration names a file that is not mounted. */}}
{{- define "trustmint.checkFiles" -}}
{{- $context := . }}
{{- range $key, $value := .table }}
{{- $where := printf "%s.%s" $context.where $key }}
{{- if kindIs "map" $value }}
{{- include "trustmint.checkFiles" (dict "files" $context.files "where" $where "table" $value) }}
{{- else if kindIs "slice" $value }}
{{- range $value }}
{{- if kindIs "map" . }}
{{- include "trustmint.checkFiles" (dict "files" $context.files "where" $where "table" .) }}
{{- end }}
{{- end }}
{{- else if and (hasSuffix "_file" $key) (not (hasKey $context.files (toString $value))) }}
{{- fail (printf "%s names %s, which is not in files" $where (toString $value)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "trustmint.checkPolicies" -}}
{{- with .Values.policies }}
{{- if .gitSync.enabled }}
{{- if or .files .configMaps }}
{{- fail "policies.gitSync is the only source of policies: leave out policies.files and policies.configMaps" }}
{{- end }}
{{- if not .gitSync.repo }}
{{- fail "policies.gitSync.repo is missing: the URL of the repository with the policies" }}
{{- end }}
{{- if and .gitSync.sshSecret .gitSync.passwordSecret }}
{{- fail "policies.gitSync has both sshSecret and passwordSecret: use one of them" }}
{{- end }}
{{- if regexMatch "://[^/]*@" (regexReplaceAll "^ssh://[^:@/]*@" .gitSync.repo "ssh://") }}
{{- fail "policies.gitSync.repo contains credentials: use username, passwordSecret or sshSecret" }}
{{- end }}
{{- else }}
{{- range $file, $text := .files }}
{{- with (fromToml $text).Error }}
{{- fail (printf "policies.files.%s is not valid TOML: %s" $file .) }}
{{- end }}
{{- end }}
{{- $folders := list "chart" }}
{{- range .configMaps }}
{{- if has .folder $folders }}
{{- fail (printf "policies.configMaps has the folder %s twice, or uses the name of the chart's own folder" .folder) }}
{{- end }}
{{- $folders = append $folders .folder }}
{{- end }}
{{- range $one := $folders }}{{ range $other := $folders }}
{{- if hasPrefix (printf "%s/" $one) $other }}
{{- fail (printf "the folder %s of policies.configMaps is inside %s, and nothing can be mounted into a mounted ConfigMap" $other $one) }}
{{- end }}
{{- end }}{{ end }}
{{- range .delegate }}
{{- if not (has .folder $folders) }}
{{- fail (printf "policies.delegate delegates %s, which is not a folder of policies.configMaps" .folder) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "trustmint.checkListeners" -}}
{{- $values := .Values }}
{{- if and .Values.admin.enabled (not .Values.admin.tokenSecret.name) }}
{{- fail "admin.enabled needs admin.tokenSecret.name: the admin listener is always authenticated" }}
{{- end }}
{{- range $name := list "ingress" "gateway" }}
{{- $proxy := get $values $name }}
{{- if $proxy.enabled }}
{{- if not $proxy.hosts }}
{{- fail (printf "%s.hosts is empty: name the hosts of trustmint and of its registries" $name) }}
{{- end }}
{{- if not $values.trustedProxies }}
{{- fail (printf "%s.enabled needs trustedProxies: without the proxy's network, all clients share one rate limit" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) }}
{{- fail "gateway.parentRefs is empty: name the Gateway" }}
{{- end }}
{{- with .Values.metrics }}
{{- if and .serviceMonitor.enabled (not .enabled) }}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled: there is nothing to scrape" }}
{{- end }}
{{- if and .enabled $values.networkPolicy.enabled (not $values.networkPolicy.monitoringFrom) }}
{{- fail "networkPolicy.monitoringFrom is empty: name the peers that scrape, or unset metrics.enabled" }}
{{- end }}
{{- end }}
{{- end }}
