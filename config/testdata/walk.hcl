# the walk of r25 is at its limit; r26 is past it; r27 is past it because r26 is
domain "acme" {
  repository "r01" {}
  repository "r02" { upstreams = ["r01"] }
  repository "r03" { upstreams = ["r02"] }
  repository "r04" { upstreams = ["r03"] }
  repository "r05" { upstreams = ["r04"] }
  repository "r06" { upstreams = ["r05"] }
  repository "r07" { upstreams = ["r06"] }
  repository "r08" { upstreams = ["r07"] }
  repository "r09" { upstreams = ["r08"] }
  repository "r10" { upstreams = ["r09"] }
  repository "r11" { upstreams = ["r10"] }
  repository "r12" { upstreams = ["r11"] }
  repository "r13" { upstreams = ["r12"] }
  repository "r14" { upstreams = ["r13"] }
  repository "r15" { upstreams = ["r14"] }
  repository "r16" { upstreams = ["r15"] }
  repository "r17" { upstreams = ["r16"] }
  repository "r18" { upstreams = ["r17"] }
  repository "r19" { upstreams = ["r18"] }
  repository "r20" { upstreams = ["r19"] }
  repository "r21" { upstreams = ["r20"] }
  repository "r22" { upstreams = ["r21"] }
  repository "r23" { upstreams = ["r22"] }
  repository "r24" { upstreams = ["r23"] }
  repository "r25" { upstreams = ["r24"] }
  repository "r26" { upstreams = ["r25"] }
  repository "r27" { upstreams = ["r26"] }
}
