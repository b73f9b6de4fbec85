{{- define "trustmint.volumeMounts" -}}
- name: configuration
  mountPath: /etc/trustmint
  readOnly: true
{{- if .Values.policies.gitSync.enabled }}
- name: git
  mountPath: /git
  readOnly: true
{{- else }}
- name: policies
  mountPath: /policies/chart
  readOnly: true
{{- range $i, $source := .Values.policies.configMaps }}
- name: policies-{{ $i }}
  mountPath: /policies/{{ $source.folder }}
  readOnly: true
{{- end }}
{{- end }}
{{- if not .Values.redis.url }}
- name: store
  mountPath: /var/lib/trustmint
{{- end }}
{{- if .Values.admin.enabled }}
- name: run
  mountPath: /run/trustmint
{{- end }}
{{- end }}

{{/* No volume is mounted by `subPath`, because such a mount never changes. */}}
{{- define "trustmint.volumes" -}}
{{- $name := include "trustmint.fullname" . }}
- name: configuration
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ $name }}
{{- with .Values.redis }}
{{- if and .url .passwordSecret.name }}
      - secret: {{ dict "name" .passwordSecret.name "items" (list (dict "key" .passwordSecret.key "path" "redis-password")) | toJson }}
{{- end }}
{{- end }}
{{- with .Values.tls.secretName }}
      - secret: {{ dict "name" . "items" (list (dict "key" "tls.crt" "path" "tls.crt") (dict "key" "tls.key" "path" "tls.key")) | toJson }}
{{- end }}
{{- with .Values.admin }}
{{- if .enabled }}
      - secret: {{ dict "name" .tokenSecret.name "items" (list (dict "key" .tokenSecret.key "path" "admin-token")) | toJson }}
{{- end }}
{{- end }}
{{- range $file, $source := .Values.files }}
{{- $items := list (dict "key" $source.key "path" $file) }}
{{- if $source.secret }}
      - secret: {{ dict "name" $source.secret "items" $items | toJson }}
{{- else }}
      - configMap: {{ dict "name" $source.configMap "items" $items | toJson }}
{{- end }}
{{- end }}
{{- if .Values.policies.gitSync.enabled }}
- name: git
  emptyDir:
    sizeLimit: 256Mi
- name: git-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with default .Values.policies.gitSync.passwordSecret .Values.policies.gitSync.sshSecret }}
- name: git-secret
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- else }}
- name: policies
  configMap:
    name: {{ $name }}-policies
{{- range $i, $source := .Values.policies.configMaps }}
- name: policies-{{ $i }}
  configMap:
    name: {{ $source.name }}
{{- end }}
{{- end }}
{{- if not .Values.redis.url }}
- name: store
  persistentVolumeClaim:
    claimName: {{ default $name .Values.persistence.existingClaim }}
{{- end }}
{{- if .Values.admin.enabled }}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end }}
{{- end }}

{{/*
git-sync as an init container (`once`) and as a sidecar. Takes a dict with `root`. The sidecar retries forever
and has no probe, because an unreachable git server must not make a pod unready.
*/}}
{{- define "trustmint.gitSync" -}}
{{- $git := .root.Values.policies.gitSync }}
- name: git-sync{{ if .once }}-once{{ end }}
  image: {{ include "trustmint.image" (dict "image" $git.image "tag" "") }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args:
    - {{ printf "--repo=%s" $git.repo | quote }}
    - {{ printf "--ref=%s" $git.ref | quote }}
    - --root=/git
    - --link=current
    - --submodules=off
    {{- if .once }}
    - --one-time
    {{- else }}
    - --period={{ $git.period }}
    - --max-failures=-1
    {{- end }}
    {{- if $git.passwordSecret }}
    - {{ printf "--username=%s" $git.username | quote }}
    - --password-file=/etc/git-secret/password
    {{- end }}
    {{- if $git.sshSecret }}
    - --ssh-key-file=/etc/git-secret/ssh
    - --ssh-known-hosts-file=/etc/git-secret/known_hosts
    {{- end }}
  securityContext:
    {{- with $git.runAsUser }}
    runAsUser: {{ int64 . }}
    runAsGroup: {{ int64 . }}
    {{- end }}
    {{- include "trustmint.containerSecurity" .root | nindent 4 }}
  resources:
    {{- toYaml $git.resources | nindent 4 }}
  volumeMounts:
    - name: git
      mountPath: /git
    - name: git-tmp
      mountPath: /tmp
    {{- if or $git.sshSecret $git.passwordSecret }}
    - name: git-secret
      mountPath: /etc/git-secret
      readOnly: true
    {{- end }}
{{- end }}
