;; The shell of every program: the contract's imports and exports around one core module.
;; The marker at the end of $Main is replaced by the program's own functions, and by defaults for the exports it leaves out.
(component
  (import "p2pjob:job/types@0.1.0" (instance $types
    (type $input-info' (record (field "name" string) (field "size" u64)))
    (export "input-info" (type $input-info (eq $input-info')))
    (type $slice' (record (field "input" u32) (field "offset" u64) (field "length" u64)))
    (export "slice" (type $slice (eq $slice')))
    (type $chunk' (record (field "body" (list u8)) (field "slices" (list $slice)) (field "weight" u64)))
    (export "chunk" (type $chunk (eq $chunk')))
    (type $plan-hint' (record (field "chunk-size" (option u64)) (field "target-chunks" u32) (field "max-chunks" u32)))
    (export "plan-hint" (type $plan-hint (eq $plan-hint')))))
  (import "p2pjob:job/inputs@0.1.0" (instance $inputs
    (export "size" (func (param "index" u32) (result u64)))
    (export "read" (func (param "index" u32) (param "offset" u64) (param "length" u32) (result (list u8))))))
  (import "p2pjob:job/output@0.1.0" (instance $output
    (export "write" (func (param "bytes" (list u8))))))
  (import "p2pjob:job/partials@0.1.0" (instance $partials
    (export "next" (func (result (option (list u8)))))
    (export "count" (func (result u32)))))
  (import "p2pjob:job/log@0.1.0" (instance $log
    (type $level' (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (import "p2pjob:job/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" u64)))))
  (import "p2pjob:job/entropy@0.1.0" (instance $entropy
    (export "bytes" (func (param "length" u32) (result (list u8))))))

  ;; Memory and an allocator that never frees. Below 4096: 64 the result area, 128 the manifest, the rest for programs.
  (core module $Mem
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $have i32)
      (local.set $at (i32.and
        (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (local.set $have (i32.shl (memory.size) (i32.const 16)))
      (if (i32.gt_u (global.get $top) (local.get $have)) (then
        (if (i32.eq (i32.const -1) (memory.grow (i32.shr_u
              (i32.add (i32.sub (global.get $top) (local.get $have)) (i32.const 65535)) (i32.const 16))))
          (then unreachable))))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at)))
  (core instance $mem (instantiate $Mem))
  (alias core export $mem "memory" (core memory $memory))
  (alias core export $mem "realloc" (core func $realloc))

  (core func $inputs-size (canon lower (func $inputs "size")))
  (core func $inputs-read (canon lower (func $inputs "read") (memory $memory) (realloc $realloc)))
  (core func $output-write (canon lower (func $output "write") (memory $memory)))
  (core func $partials-next (canon lower (func $partials "next") (memory $memory) (realloc $realloc)))
  (core func $partials-count (canon lower (func $partials "count")))
  (core func $log-write (canon lower (func $log "write") (memory $memory)))
  (core func $progress-report (canon lower (func $progress "report")))
  (core func $entropy-bytes (canon lower (func $entropy "bytes") (memory $memory) (realloc $realloc)))

  (core module $Main
    (import "mem" "memory" (memory 1))
    (import "mem" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "host" "size" (func $size (param i32) (result i64)))
    (import "host" "read" (func $read (param i32 i64 i32 i32)))
    (import "host" "write" (func $write (param i32 i32)))
    (import "host" "next" (func $next (param i32)))
    (import "host" "count" (func $count (result i32)))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "report" (func $report (param i64 i64)))
    (import "host" "entropy" (func $entropy (param i32 i32)))
    (data (i32.const 128) "\88\00\00\00\35\00\00\00{\22name\22:\22guest\22,\22version\22:\220.1.0\22,\22params_schema\22:{}}")
    ;; Returns ok from an export.
    (func $ok (result i32) (i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64))
    ;; Returns the text at $at as the error of an export.
    (func $err (param $at i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 64) (i32.const 1))
      (i32.store (i32.const 68) (local.get $at))
      (i32.store (i32.const 72) (local.get $length))
      (i32.const 64))
    ;; Returns the chunks at $at (24 bytes each) from plan.
    (func $chunks (param $at i32) (param $count i32) (result i32)
      (i32.store8 (i32.const 64) (i32.const 0))
      (i32.store (i32.const 68) (local.get $at))
      (i32.store (i32.const 72) (local.get $count))
      (i32.const 64))
{{functions}})
  (core instance $main (instantiate $Main
    (with "mem" (instance $mem))
    (with "host" (instance
      (export "size" (func $inputs-size)) (export "read" (func $inputs-read)) (export "write" (func $output-write))
      (export "next" (func $partials-next)) (export "count" (func $partials-count)) (export "log" (func $log-write))
      (export "report" (func $progress-report)) (export "entropy" (func $entropy-bytes))))))

  (alias export $types "input-info" (type $input-info))
  (alias export $types "chunk" (type $chunk))
  (alias export $types "plan-hint" (type $plan-hint))
  (func (export "describe") (result string)
    (canon lift (core func $main "describe") (memory $memory) (realloc $realloc)))
  (func (export "plan")
    (param "params" (list u8)) (param "inputs" (list $input-info)) (param "hint" $plan-hint)
    (result (result (list $chunk) (error string)))
    (canon lift (core func $main "plan") (memory $memory) (realloc $realloc)))
  (func (export "run") (param "body" (list u8)) (result (result (error string)))
    (canon lift (core func $main "run") (memory $memory) (realloc $realloc)))
  (func (export "reduce") (param "params" (list u8)) (result (result (error string)))
    (canon lift (core func $main "reduce") (memory $memory) (realloc $realloc))))
