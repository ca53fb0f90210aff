{{- /* server.yaml: what is given, and what only the chart can know. */ -}}
{{- define "ftp-server.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $passive := $config.passive -}}
{{- $hasService := and (ne .Values.service.type "None") (not .Values.hostNetwork) -}}
{{- if and $hasService (eq .Values.service.type "ClusterIP") (not $passive.advertisedAddress) -}}
{{- $_ := set $passive "advertisedAddress" (printf "%s.%s.svc.%s" (include "ftp-server.fullname" .) .Release.Namespace .Values.clusterDomain) -}}
{{- end -}}
{{- $announced := dig "proxyProtocol" "trustedNetworks" (list) $passive -}}
{{- $hidesClients := and $hasService (not $announced) (ne .Values.service.type "ClusterIP") (eq .Values.service.externalTrafficPolicy "Cluster") -}}
{{- if and $hidesClients (not $passive.peerCheck) -}}
{{- $_ := set $passive "peerCheck" "off" -}}
{{- end -}}
{{- if and $hidesClients (not (hasKey ($config.bans | default dict) "enabled")) -}}
{{- /* A ban would be one for all clients. */ -}}
{{- $_ := set $config "bans" (merge (dict "enabled" false) ($config.bans | default dict)) -}}
{{- end -}}
{{- if not (dig "state" "directory" "" $config) -}}
{{- /* On the volume, so that it outlives the pod; the server hides it from users. */ -}}
{{- $_ := set $config "state" (dict "directory" (printf "%s/.ftp-server" (include "ftp-server.root" . | trimSuffix "/"))) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "ftp-server.root" -}}
{{- .Values.config.root | default "/data" -}}
{{- end -}}

{{- define "ftp-server.probes" -}}
{{- if dig "probes" "enabled" true .Values.config -}}
{{- dig "probes" "port" 8080 .Values.config | int -}}
{{- end -}}
{{- end -}}

{{- /* Time until no node sends new sessions to a pod that is to go: for so long it serves as before. */ -}}
{{- define "ftp-server.farewellSeconds" -}}5{{- end -}}

{{- define "ftp-server.drainSeconds" -}}
{{- dig "limits" "drainTimeoutSeconds" 30 .Values.config | int -}}
{{- end -}}

{{- define "ftp-server.tlsSecretName" -}}
{{- if .Values.tls.issuerRef -}}
{{- include "ftp-server.fullname" . -}}-tls
{{- else -}}
{{- .Values.tls.secretName -}}
{{- end -}}
{{- end -}}

{{- define "ftp-server.claimName" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-data" (include "ftp-server.fullname" .)) -}}
{{- end -}}

{{- /* Rules over several values, which a schema can't say. */ -}}
{{- define "ftp-server.check" -}}
{{- $ports := .Values.config.passive.ports -}}
{{- if lt (int $ports.last) (int $ports.first) -}}
{{- fail "config.passive.ports.last: must not be below config.passive.ports.first" -}}
{{- end -}}
{{- $taken := dict -}}
{{- range $index, $listener := .Values.config.listeners -}}
{{- if or (eq $listener.name "probes") (hasPrefix "pasv-" $listener.name) -}}
{{- fail (printf "config.listeners[%d].name: must be another name: `probes` and those that start with `pasv-` are names of other ports" $index) -}}
{{- end -}}
{{- $_ := set $taken (toString (int $listener.port)) (printf "config.listeners[%d].port" $index) -}}
{{- end -}}
{{- with include "ftp-server.probes" . -}}
{{- if hasKey $taken . -}}
{{- fail (printf "%s: must be another port than %s, config.probes.port" (get $taken .) .) -}}
{{- end -}}
{{- $_ := set $taken . "config.probes.port" -}}
{{- end -}}
{{- range $port, $path := $taken -}}
{{- if and (ge (int $port) (int $ports.first)) (le (int $port) (int $ports.last)) -}}
{{- fail (printf "%s: must lie outside of config.passive.ports" $path) -}}
{{- end -}}
{{- end -}}
{{- if and (ne (dig "tls" "clientCertificates" "off" .Values.config) "off") (not .Values.tls.clientCASecretName) -}}
{{- fail "tls.clientCASecretName: must be given with config.tls.clientCertificates: it has the authority that signs the certificates of clients" -}}
{{- end -}}
{{- if and .Values.tls.secretName .Values.tls.issuerRef -}}
{{- fail "tls: must have at most one of secretName and issuerRef" -}}
{{- end -}}
{{- if and .Values.tls.issuerRef (not .Values.tls.issuerRef.name) -}}
{{- fail "tls.issuerRef.name: must be given" -}}
{{- end -}}
{{- range $index, $source := .Values.usersFrom -}}
{{- if ne (len $source) 1 -}}
{{- fail (printf "usersFrom[%d]: must have exactly one of secretRef and configMapRef" $index) -}}
{{- end -}}
{{- end -}}
{{- end -}}
