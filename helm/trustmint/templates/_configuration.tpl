{{/* trustmint.toml: the sections that the chart writes, and `config` unchanged. */}}
{{- define "trustmint.configuration" -}}
{{- $config := deepCopy .Values.config }}
{{- $limits := merge (dict "drain_timeout" (printf "%ds" (int .Values.drainSeconds))) (default dict $config.limits) }}
{{- $listen := dict "public" (printf "%s:8080" .Values.listenAddress) "ops" (printf "%s:9090" .Values.listenAddress) }}
{{- with .Values.trustedProxies }}{{ $_ := set $listen "trusted_proxies" . }}{{ end }}
{{- if .Values.tls.secretName }}
{{- $_ := set $listen "tls" (dict "cert" "tls.crt" "key" "tls.key") }}
{{- end }}
{{- if .Values.admin.enabled }}
{{- $_ := set $listen "admin" "unix:/run/trustmint/admin.sock" }}
{{- $_ := set $listen "admin_token_file" "admin-token" }}
{{- end }}
{{- $store := dict "path" "/var/lib/trustmint/trustmint.redb" }}
{{- with .Values.redis }}
{{- if .url }}
{{- $store = dict "url" .url }}
{{- if .passwordSecret.name }}{{ $_ := set $store "password_file" "redis-password" }}{{ end }}
{{- if .caFile }}{{ $_ := set $store "ca_file" .caFile }}{{ end }}
{{- end }}
{{- end }}
{{- $policies := dict "path" (include "trustmint.policyFolder" .) "poll" .Values.policies.poll }}
{{- with .Values.policies.delegate }}{{ $_ := set $policies "delegate" (deepCopy .) }}{{ end }}
{{- $owned := dict "public_url" .Values.publicUrl "listen" $listen "store" $store "policies" $policies "limits" $limits }}
{{- $whole := merge $owned $config }}
{{- include "trustmint.wholeNumbers" $whole }}
{{- toToml $whole }}
{{- end }}

{{/* Helm reads every number as a float, but in TOML 50.0 differs from 50. */}}
{{- define "trustmint.wholeNumbers" -}}
{{- $table := . }}
{{- range $key, $value := $table }}
{{- if kindIs "map" $value }}
{{- include "trustmint.wholeNumbers" $value }}
{{- else if kindIs "slice" $value }}
{{- range $value }}{{ if kindIs "map" . }}{{ include "trustmint.wholeNumbers" . }}{{ end }}{{ end }}
{{- else if kindIs "float64" $value }}
{{- if eq $value (floor $value) }}{{ $_ := set $table $key (int64 $value) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "trustmint.policyFolder" -}}
{{- with .Values.policies.gitSync }}
{{- if .enabled }}{{ printf "/git/current/%s" .path | trimSuffix "/" }}{{ else }}/policies{{ end }}
{{- end }}
{{- end }}
