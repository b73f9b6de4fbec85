{{/*
Egress to the issuers, as the configuration knows them: one with `allow_private` is in those networks,
one with `keys_file` is never asked, all others are anywhere but in private networks. So are a git
repository, and whatever sections ask for that this chart does not know.
*/}}
{{- define "trustmint.issuerEgress" -}}
{{- $public := list }}
{{- range $id, $issuer := .Values.config.issuers }}
{{- if not $issuer.keys_file }}
{{- $ports := list }}
{{- range compact (list (default "https://the.kind's.own" $issuer.url) (default "" $issuer.jwks_uri)) }}
{{- $port := regexFind ":[0-9]+$" (. | trimPrefix "https://" | splitList "/" | first) }}
{{- $ports = append $ports ($port | trimPrefix ":" | default "443" | int) }}
{{- end }}
{{- if $issuer.allow_private }}
- ports:
    {{- range uniq $ports }}
    - port: {{ . }}
    {{- end }}
  to:
    {{- range $issuer.allow_private }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
{{- else }}
{{- $public = concat $public $ports }}
{{- end }}
{{- end }}
{{- end }}
{{- if omit .Values.config "issuers" "registries" "limits" }}
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
