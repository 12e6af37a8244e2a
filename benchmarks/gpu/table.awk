# awk -F '\t' [-v width=60] -f table.awk LOG TARGETS: a table of the lines "FIGURE<tab>name<tab>value" of a log and the
# targets of TARGETS (name, target, vLLM's figure, floor). Figures without a target come last, without a verdict.
function met(target, value, parts) {
  split(target, parts, " ")
  if (parts[1] == "<=") return value + 0 <= parts[2] + 0
  if (parts[1] == ">=") return value + 0 >= parts[2] + 0
  return value + 0 < parts[2] + 0
}
BEGIN { name = "%-" (width ? width : 46) "s" }
NR == FNR { if ($1 == "FIGURE") { figure[$2] = $3; order[++n] = $2 } next }
FNR == 1 && NR != FNR { printf name " %10s %10s %8s %8s\n", "criterion", "target", "figure", "vLLM", "floor" }
/^#/ { next }
{
  known[$1] = 1
  have = $1 in figure
  printf name " %10s %10s %8s %8s  %s\n", $1, $2, have ? figure[$1] : "-", $3, $4, \
    have ? (met($2, figure[$1]) ? "ok" : "NO") : "not measured"
}
END {
  for (i = 1; i <= n; i++)
    if (!(order[i] in known)) {
      known[order[i]] = 1
      printf name " %10s %10s\n", order[i], "", figure[order[i]]
    }
}
