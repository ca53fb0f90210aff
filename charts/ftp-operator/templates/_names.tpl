{{- /* Not for the values to change: NetworkPolicies of servers let in the pods that have it as a label. */ -}}
{{- define "ftp-operator.name" -}}
{{- .Chart.Name -}}
{{- end -}}

{{- define "ftp-operator.fullname" -}}
{{- $name := include "ftp-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Objects in no namespace: several operators, each for its own namespaces, must not share them. */ -}}
{{- define "ftp-operator.clusterName" -}}
{{- include "ftp-operator.fullname" . -}}
{{- if .Values.namespaces -}}-{{ .Release.Namespace }}{{- end -}}
{{- end -}}

{{- define "ftp-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "ftp-operator.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "ftp-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ftp-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* What the selectors need can't be taken away by labels of the user. */ -}}
{{- define "ftp-operator.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" (toString .Chart.AppVersion)
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge (include "ftp-operator.selectorLabels" . | fromYaml) $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "ftp-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
