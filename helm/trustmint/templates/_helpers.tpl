{{- define "trustmint.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* The name of a release's objects: at most 52 characters, so that suffixes fit into a DNS label. */}}
{{- define "trustmint.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "trustmint.name" .) .Release.Name }}
{{- .Release.Name | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "trustmint.name" .) | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The labels by which an object is selected. Takes a dict with `root` and `component`. */}}
{{- define "trustmint.selector" -}}
app.kubernetes.io/name: {{ include "trustmint.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "trustmint.labels" -}}
{{ include "trustmint.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "trustmint.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "trustmint.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* An image reference. Takes a dict with `image` and a default `tag`. A digest replaces the tag. */}}
{{- define "trustmint.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .tag .image.tag) }}
{{- end }}
{{- end }}

{{/* Not empty if there may be more than one pod. */}}
{{- define "trustmint.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{- define "trustmint.podSecurity" -}}
{{- with .Values.podSecurityContext }}
{{- toYaml . }}
{{ end -}}
fsGroupChangePolicy: OnRootMismatch
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "trustmint.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The scheme of the public listener. */}}
{{- define "trustmint.scheme" -}}
{{- if .Values.tls.secretName }}https{{ else }}http{{ end }}
{{- end }}
