{{/* Names, labels and images: what every template spells the same way. */}}

{{/* What every object of the release is called first: the release, and the chart unless the release says it already. */}}
{{- define "sluice.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the pods of a component are found; they never change. Takes a dict of root and component. */}}
{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Every label of an object. Takes a dict of root and component. */}}
{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Image of a component: by digest where there is one. Takes a dict of root and image. */}}
{{- define "sluice.image" -}}
{{- $registry := .root.Values.image.registry | trimSuffix "/" -}}
{{- $repository := ternary .image.repository (printf "%s/%s" $registry .image.repository) (empty $registry) -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Secret with the keys of the release: the given one, or the one that the chart makes. */}}
{{- define "sluice.keys" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "sluice.fullname" .)) -}}
{{- end -}}

{{/* Lease that tells which operator acts. */}}
{{- define "sluice.lease" -}}
{{- printf "%s-operator" (include "sluice.fullname" .) -}}
{{- end -}}

{{/* Name of an object that belongs to no namespace: no other release may have it. Takes a dict of root and name. */}}
{{- define "sluice.clusterName" -}}
{{- printf "%s.%s.%s" .name .root.Release.Name .root.Release.Namespace -}}
{{- end -}}

{{/* Port of an address, or the one that its scheme implies. */}}
{{- define "sluice.port" -}}
{{- $scheme := regexFind "^[a-z]+" . -}}
{{- $authority := regexReplaceAll "^[a-z]+://([^/?#]*@)?([^/?#]*).*$" . "${2}" -}}
{{- $implied := dict "http" "80" "https" "443" "nats" "4222" "tls" "4222" "redis" "6379" "rediss" "6379" "postgres" "5432" "postgresql" "5432" -}}
{{- regexFind ":[0-9]+$" $authority | trimPrefix ":" | default (get $implied $scheme) -}}
{{- end -}}
