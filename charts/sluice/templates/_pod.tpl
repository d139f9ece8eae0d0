{{/*
What every pod of the release has in common.

Pod Security "restricted" holds for all of them: nobody is root, nothing is written, no capability, no token unless it is
asked for. Secrets come as files of one projected volume, so that a replaced one is read without a restart.
*/}}

{{/* Where the files of secrets are. */}}
{{- define "sluice.etc" -}}/etc/sluice{{- end -}}

{{/* The first fields of a pod. Takes a dict of root, component, service (its values) and account (its name). */}}
{{- define "sluice.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
# Names of Services as variables would only be mistaken for settings.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .service.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .service.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas spread over nodes and zones. Takes what sluice.pod takes. */}}
{{- define "sluice.spread" -}}
{{- $matched := include "sluice.selector" . -}}
{{- $spread := .service.spread -}}
{{- $kept := dict "kubernetes.io/hostname" $spread.nodes "topology.kubernetes.io/zone" $spread.zones -}}
{{- if or (ne $spread.nodes "Off") (ne $spread.zones "Off") -}}
topologySpreadConstraints:
  {{- range $key, $how := $kept }}
  {{- if ne $how "Off" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $how }}
    # A node that takes no pods, such as one that is down or drained, keeps no place: with DoNotSchedule the others would
    # have to wait for its zone to come back.
    nodeTaintsPolicy: Honor
    # Each revision is spread by itself, or the pods that leave would push the new ones together.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- $matched | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Labels and annotations of a pod. Takes what sluice.pod takes. */}}
{{- define "sluice.podMetadata" -}}
labels:
  {{- include "sluice.labels" . | nindent 2 }}
  {{- with .service.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := .service.podAnnotations }}
{{- if and .root.Values.monitoring.scrapeAnnotations.enabled (has .component (list "operator" "edge" "ledger")) }}
{{- $scraped := dict "prometheus.io/scrape" "true" "prometheus.io/port" "9090" "prometheus.io/path" "/metrics" }}
{{- $annotations = merge (dict) ($annotations | default dict) $scraped }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Image and confinement of a container. Takes a dict of root and image. */}}
{{- define "sluice.container" -}}
image: {{ include "sluice.image" . | quote }}
imagePullPolicy: {{ .image.pullPolicy | default .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/*
Probes of a service. A process that waits for NATS or Postgres lives and is not ready: killing it would help nobody.
*/}}
{{- define "sluice.probes" -}}
livenessProbe:
  httpGet:
    path: /livez
    port: admin
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Arguments that every service has. Takes a dict of root and service. */}}
{{- define "sluice.processArgs" -}}
{{- $root := .root -}}
- --log-format={{ $root.Values.log.format }}
- --log-filter={{ .service.logFilter | default $root.Values.log.filter }}
- --drain-seconds={{ int .service.drainSeconds }}
{{- with $root.Values.tracing.endpoint }}
- --trace-endpoint={{ . }}
- --trace-sample={{ $root.Values.tracing.sample }}
{{- end }}
{{- if $root.Values.dev }}
- --dev
{{- end }}
{{- end -}}

{{/* Arguments by which a service finds NATS. Takes a dict of root and user (its values below nats.users). */}}
{{- define "sluice.natsArgs" -}}
{{- $nats := .root.Values.nats -}}
- --nats-url={{ join "," $nats.urls }}
{{- with $nats.installation }}
- --installation={{ . }}
{{- end }}
{{- if $nats.caSecret.name }}
- --nats-ca-file={{ include "sluice.etc" . }}/nats-ca.crt
{{- end }}
{{- if .user.credentialsSecret.name }}
- --nats-credentials-file={{ include "sluice.etc" . }}/nats.creds
{{- else if .user.name }}
- --nats-user={{ .user.name }}
- --nats-password-file={{ include "sluice.etc" . }}/nats-password
{{- end }}
{{- end -}}

{{/* The files that these arguments name, as a JSON list of secret, key and path. Takes the same. */}}
{{- define "sluice.natsFiles" -}}
{{- $nats := .root.Values.nats -}}
{{- $files := list -}}
{{- with $nats.caSecret }}{{ if .name }}{{ $files = append $files (dict "secret" .name "key" .key "path" "nats-ca.crt") }}{{ end }}{{ end -}}
{{- with .user.credentialsSecret }}{{ if .name }}{{ $files = append $files (dict "secret" .name "key" .key "path" "nats.creds") }}{{ end }}{{ end -}}
{{- if and .user.name (not .user.credentialsSecret.name) }}{{ with .user.passwordSecret }}{{ $files = append $files (dict "secret" .name "key" .key "path" "nats-password") }}{{ end }}{{ end -}}
{{- toJson $files -}}
{{- end -}}

{{/* Where Postgres is, with the certificates to trust if the values name some. Takes url and caSecret. */}}
{{- define "sluice.postgresUrl" -}}
{{- $url := .url -}}
{{- if .caSecret.name -}}
{{- $and := ternary "&" "?" (contains "?" $url) -}}
{{- if not (contains "sslmode=" $url) }}{{ $url = printf "%s%ssslmode=verify-full" $url $and }}{{ $and = "&" }}{{ end -}}
{{- $url = printf "%s%ssslrootcert=%s/postgres-ca.crt" $url $and (include "sluice.etc" .) -}}
{{- end -}}
{{- $url -}}
{{- end -}}

{{/* Arguments by which Postgres is found. Takes url, passwordSecret and caSecret. */}}
{{- define "sluice.postgresArgs" -}}
- --postgres-url={{ include "sluice.postgresUrl" . }}
{{- if .passwordSecret.name }}
- --postgres-password-file={{ include "sluice.etc" . }}/postgres-password
{{- end }}
{{- end -}}

{{/* The files that these arguments name, as JSON. Takes the same. */}}
{{- define "sluice.postgresFiles" -}}
{{- $files := list -}}
{{- with .passwordSecret }}{{ if .name }}{{ $files = append $files (dict "secret" .name "key" .key "path" "postgres-password") }}{{ end }}{{ end -}}
{{- with .caSecret }}{{ if .name }}{{ $files = append $files (dict "secret" .name "key" .key "path" "postgres-ca.crt") }}{{ end }}{{ end -}}
{{- toJson $files -}}
{{- end -}}

{{/* The volume with the files of secrets; nothing without files. Takes a list of secret, key and path. */}}
{{- define "sluice.volume" -}}
{{- if . -}}
- name: etc
  projected:
    # 0440: for the pod's group alone.
    defaultMode: 288
    sources:
      {{- range . }}
      - secret:
          name: {{ .secret }}
          items:
            - key: {{ .key }}
              path: {{ .path }}
      {{- end }}
{{- end -}}
{{- end -}}

{{/* Where that volume is mounted. Takes the same. */}}
{{- define "sluice.mount" -}}
{{- if . -}}
- name: etc
  mountPath: {{ include "sluice.etc" . }}
  readOnly: true
{{- end -}}
{{- end -}}
