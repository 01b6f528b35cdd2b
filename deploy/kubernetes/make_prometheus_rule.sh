#!/bin/sh
# Writes the PrometheusRule of the rules in ../prometheus to stdout:
#   deploy/kubernetes/make_prometheus_rule.sh > \
#     deploy/kubernetes/monitoring/prometheus_rule.yaml
# A test compares the two, so that there is one place to change a rule.
set -eu
cat <<'HEAD'
# Made by make_prometheus_rule.sh: change deploy/prometheus/swoosh.rules.yaml instead.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: swoosh
  labels: {app.kubernetes.io/name: swoosh}
spec:
HEAD
sed -n '/^groups:/,$p' "$(dirname "$0")/../prometheus/swoosh.rules.yaml" | sed 's/^./  &/'
