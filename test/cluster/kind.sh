#!/usr/bin/env bash
# Makes a cluster by kind, with what clouds add to one, runs test/cluster on it, and deletes it: npm run test:kind [-- ARGUMENTS OF VITEST]
# Linux only. KIND_KEEP=yes leaves the cluster for the next run. CLUSTER_IMAGE is the image to build and test.
set -euo pipefail
cd "$(dirname "$0")/../.."
cluster=ftp-operator-tests
node=$cluster-control-plane
image=${CLUSTER_IMAGE:-ftp-operator:dev}
work=$(mktemp -d)
export KUBECONFIG=$work/kubeconfig
provider=

clean_up() {
  [ -z "$provider" ] || kill "$provider" 2>/dev/null || true
  [ -n "${KIND_KEEP:-}" ] || kind delete cluster --name "$cluster" || true
  rm -rf "$work"
}

demand_tools() {
  local missing=0
  demand() {
    command -v "$1" >/dev/null && return
    echo "$1 is missing: $2" >&2
    missing=1
  }
  demand docker https://docs.docker.com/engine/install/
  demand kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
  demand kubectl https://kubernetes.io/docs/tasks/tools/
  demand helm https://helm.sh/docs/intro/install/
  [ -d node_modules ] || { echo 'node_modules is missing: npm ci' >&2; missing=1; }
  [ "$(uname)" = Linux ] || { echo 'This needs Linux: the tests run in the network of the node.' >&2; missing=1; }
  return $missing
}

on_node() {
  docker exec "$node" "$@"
}

# Volumes that several pods can write, and that grow; kind's own can do neither.
provide_volumes() {
  local namespace name uid wanted mode has
  kubectl get persistentvolumeclaims -A -o jsonpath='{range .items[?(@.spec.storageClassName=="tests")]}{.metadata.namespace}{" "}{.metadata.name}{" "}{.metadata.uid}{" "}{.spec.resources.requests.storage}{" "}{.spec.accessModes[0]}{" "}{.status.capacity.storage}{"\n"}{end}' |
    while read -r namespace name uid wanted mode has; do
      if [ -z "$has" ]; then
        kubectl get persistentvolume "pvc-$uid" >/dev/null 2>&1 && continue
        # Kubernetes deletes volumes on a node itself if they are below /tmp.
        on_node sh -c "mkdir -p /tmp/volumes/$uid && chmod 2777 /tmp/volumes/$uid"
        kubectl create -f - <<END
{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pvc-$uid"}, "spec": {
  "capacity": {"storage": "$wanted"}, "accessModes": ["$mode"], "storageClassName": "tests",
  "persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/tmp/volumes/$uid"},
  "claimRef": {"namespace": "$namespace", "name": "$name", "uid": "$uid"}}}
END
      elif [ "$has" != "$wanted" ]; then
        kubectl patch persistentvolume "pvc-$uid" --type=merge -p "{\"spec\":{\"capacity\":{\"storage\":\"$wanted\"}}}"
        kubectl -n "$namespace" patch persistentvolumeclaim "$name" --subresource=status --type=merge \
          -p "{\"status\":{\"capacity\":{\"storage\":\"$wanted\"}}}"
      fi
    done
}

# The node's address for every Service of type LoadBalancer: kube-proxy does the rest.
provide_addresses() {
  local namespace name has
  kubectl get services -A -o jsonpath='{range .items[?(@.spec.type=="LoadBalancer")]}{.metadata.namespace}{" "}{.metadata.name}{" "}{.status.loadBalancer.ingress[0].ip}{"\n"}{end}' |
    while read -r namespace name has; do
      [ -n "$has" ] || kubectl -n "$namespace" patch service "$name" --subresource=status --type=merge \
        -p "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$1\"}]}}}"
    done
}

provide() {
  while sleep 1; do
    # What is deleted meanwhile is no reason to stop.
    provide_volumes || true
    provide_addresses "$1" || true
  done
}

make_storage_class() {
  kubectl annotate storageclass standard storageclass.kubernetes.io/is-default-class=false --overwrite
  kubectl apply -f - <<'END'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: tests
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: ftp-operator.io/tests
allowVolumeExpansion: true
END
}

# In the network of the node, where pods, Services and node ports have their own addresses.
run_tests() {
  local assets=()
  [ -z "${KUBEBUILDER_ASSETS:-}" ] || assets=(-v "$KUBEBUILDER_ASSETS:/assets:ro" -e KUBEBUILDER_ASSETS=/assets)
  docker build -q -t ftp-operator-clients - <<'END'
FROM node:26-bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends curl lftp openssl python3 && rm -rf /var/lib/apt/lists/*
END
  docker run --rm --init --network="container:$node" --user "$(id -u):$(id -g)" \
    -v "$PWD:$PWD" -w "$PWD" -v "$work:$work" "${assets[@]}" \
    -v "$(readlink -f "$(command -v kubectl)"):/usr/local/bin/kubectl:ro" \
    -v "$(readlink -f "$(command -v helm)"):/usr/local/bin/helm:ro" \
    -e KUBECONFIG -e HOME="$work" -e CLUSTER_IMAGE="$image" -e CLUSTER_ADDRESS="$1" \
    ftp-operator-clients npm run test:cluster -- "${@:2}"
}

demand_tools
trap clean_up EXIT
docker build -t "$image" .
kind get clusters 2>/dev/null | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s
# The API server's port within the node; its certificate has this address.
kind get kubeconfig --name "$cluster" >"$KUBECONFIG"
kind load docker-image --name "$cluster" "$image"
make_storage_class
address=$(kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}')
provide "$address" >"$work/provider.log" 2>&1 &
provider=$!
sed 's|server: .*|server: https://127.0.0.1:6443|' "$KUBECONFIG" >"$work/inside"
KUBECONFIG=$work/inside run_tests "$address" "$@"
