{{/*
Egress rules for the hosts of the configuration: issuers, reporters (for their keys) and webhooks. A host with
`allow_private` is in those networks. A host with `keys_file` needs no rule. All others may be anywhere except in
private networks; so may the git repository, and the hosts of sections that this chart does not know.
*/}}
{{- define "trustmint.issuerEgress" -}}
{{- $peers := list }}
{{- range $id, $issuer := .Values.config.issuers }}
{{- if not $issuer.keys_file }}
{{- $urls := compact (list (default "https://the.kind's.own" $issuer.url) (default "" $issuer.jwks_uri)) }}
{{- $peers = append $peers (dict "urls" $urls "private" $issuer.allow_private) }}
{{- end }}
{{- end }}
{{- range $id, $reporter := .Values.config.reporters }}
{{- if not (or $reporter.keys_file (eq $reporter.kind "gitlab-revocation")) }}
{{- $urls := list (default "https://the.kind's.own" $reporter.keys_url) }}
{{- $peers = append $peers (dict "urls" $urls "private" $reporter.allow_private) }}
{{- end }}
{{- end }}
{{- range $id, $webhook := .Values.config.webhooks }}
{{- $peers = append $peers (dict "urls" (list $webhook.url) "private" $webhook.allow_private) }}
{{- end }}
{{- $public := list }}
{{- range $peers }}
{{- $ports := list }}
{{- range .urls }}
{{- $port := regexFind ":[0-9]+$" (. | trimPrefix "https://" | splitList "/" | first) }}
{{- $ports = append $ports ($port | trimPrefix ":" | default "443" | int) }}
{{- end }}
{{- if .private }}
- ports:
    {{- range uniq $ports }}
    - port: {{ . }}
    {{- end }}
  to:
    {{- range .private }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
{{- else }}
{{- $public = concat $public $ports }}
{{- end }}
{{- end }}
{{- if omit .Values.config "issuers" "registries" "reporters" "webhooks" "limits" }}
{{- $public = append $public 443 }}
{{- end }}
{{- with .Values.policies.gitSync }}
{{- if .enabled }}{{ $public = append $public (ternary 22 443 (not (empty .sshSecret))) }}{{ end }}
{{- end }}
{{- with uniq $public }}
- ports:
    {{- range sortAlpha . }}
    - port: {{ . }}
    {{- end }}
  to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          {{- toYaml $.Values.networkPolicy.privateNetworks | nindent 10 }}
    - ipBlock:
        cidr: ::/0
        except:
          {{- toYaml $.Values.networkPolicy.privateNetworks6 | nindent 10 }}
{{- end }}
{{- end }}
