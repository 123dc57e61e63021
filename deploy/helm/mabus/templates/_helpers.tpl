{{/* Names and labels. Everything below takes a dict with root (the context of the chart) and name (registry, ..., agenthost). */}}
{{- define "mabus.name" -}}
{{- printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mabus.selector" -}}
app.kubernetes.io/name: mabus
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "mabus.labels" -}}
{{ include "mabus.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* A volume of a Secret's one key. */}}
{{- define "mabus.secret" -}}
- name: {{ .name }}
  secret:
    secretName: {{ .from.secret }}
    defaultMode: 0440
    items: [{ key: {{ .from.key | quote }}, path: {{ .name }} }]
{{- end }}
