//! temporary: run a job end to end. usage: zz_e2e job.wasm params.json target_chunks chunk_size|0 [name=path...] 
use job_model::{InputRef, BlobHash};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasm_runtime::*;
struct Files(Vec<Arc<std::fs::File>>, Vec<(usize, u64, u64)>);
impl ReadInput for Files {
    fn size(&self, index: u32) -> Option<u64> { self.1.get(index as usize).map(|s| s.2) }
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        use std::os::unix::fs::FileExt;
        let (f, o, _) = self.1[index as usize];
        let mut b = vec![0; length as usize];
        self.0[f].read_exact_at(&mut b, o + offset).map_err(|e| e.to_string())?;
        Ok(b)
    }
}
struct Parts(std::vec::IntoIter<Vec<u8>>, u32);
impl PartialSource for Parts {
    fn count(&self) -> u32 { self.1 }
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> { Ok(self.0.next()) }
}
#[derive(Clone, Default)]
struct Sink(Arc<std::sync::Mutex<Vec<u8>>>);
impl std::io::Write for Sink {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().extend_from_slice(b); Ok(b.len()) }
    fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
}
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let t: u64 = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2).map(|s| s.parse::<u64>().unwrap()).sum();
    t as f64 / 100.0
}
fn enc(v: &str) -> Vec<u8> { 
    // tiny json->cbor for flat objects: ints, strings, bools, arrays of ints
    fn val(s: &str, out: &mut Vec<u8>) {
        let s = s.trim();
        let head = |m: u8, n: u64, out: &mut Vec<u8>| { out.push(m | 27); out.extend(n.to_be_bytes()); };
        if let Some(t) = s.strip_prefix('"') { let t = &t[..t.len()-1]; head(0x60, t.len() as u64, out); out.extend(t.as_bytes()); }
        else if s == "true" { out.push(0xf5) } else if s == "false" { out.push(0xf4) }
        else if let Some(t) = s.strip_prefix('[') { let t = &t[..t.len()-1]; let items: Vec<&str> = t.split(',').filter(|x| !x.trim().is_empty()).collect(); head(0x80, items.len() as u64, out); for i in items { val(i, out) } }
        else { let n: i64 = s.parse().unwrap(); if n < 0 { head(0x20, (-1 - n) as u64, out) } else { head(0, n as u64, out) } }
    }
    let mut out = vec![];
    let pairs: Vec<&str> = v.split('&').filter(|x| !x.is_empty()).collect();
    out.push(0xa0 | pairs.len() as u8);
    for p in pairs { let (k, x) = p.split_once(':').unwrap(); val(&format!("\"{k}\""), &mut out); val(x, &mut out); }
    out
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let dir = std::path::PathBuf::from("/tmp/e2e-cache");
    let engine = Engine::new(EngineOptions { cache_dir: dir, slots: 8, max_memory_bytes: 256 << 20 }).unwrap();
    let c0 = cpu();
    let job = engine.load(&std::fs::read(&a[1]).unwrap()).unwrap();
    let m = job.describe().unwrap();
    eprintln!("{} {} {:?} {:?}; load+describe cpu {:.2}", m.name, m.version, m.reduce, m.verify, cpu() - c0);
    if std::env::var("SCHEMA").is_ok() { eprintln!("{}", m.params_schema); }
    let params = enc(&a[2]);
    let files: Vec<Arc<std::fs::File>> = a[5..].iter().map(|x| Arc::new(std::fs::File::open(x.split_once('=').unwrap().1).unwrap())).collect();
    let inputs: Vec<InputRef> = a[5..].iter().zip(&files).map(|(x, f)| InputRef { name: x.split_once('=').unwrap().0.into(), hash: BlobHash::default(), size: f.metadata().unwrap().len() }).collect();
    let limits = Limits { fuel: 1 << 45, memory_bytes: 256 << 20, output_bytes: 1 << 30, timeout: Duration::from_secs(600) };
    let cancel = CancelToken::new();
    let cs: u64 = a[4].parse().unwrap();
    let hint = PlanHint { chunk_size: (cs > 0).then_some(cs), target_chunks: a[3].parse().unwrap(), max_chunks: 1_000_000 };
    let whole: Vec<_> = inputs.iter().enumerate().map(|(i, x)| (i, 0, x.size)).collect();
    let c1 = cpu(); let t = Instant::now();
    let r = job.plan(PlanCall { params: &params, inputs: &inputs, source: Box::new(Files(files.clone(), whole)), hint, limits: &limits, cancel: &cancel });
    eprint!("{}", r.log);
    let plan = match r.plan { Ok(p) => p, Err(e) => { eprintln!("PLAN ERROR: {e}"); std::process::exit(2) } };
    eprintln!("plan: {} chunks, fuel {}, cpu {:.2}, wall {:?}", plan.chunks.len(), r.usage.fuel, cpu() - c1, t.elapsed());
    let mut parts = vec![]; let mut fuel = 0; let c2 = cpu(); let mut mem = 0;
    let once = |c: &job_model::Chunk| {
        let s = Box::new(Files(files.clone(), c.slices.iter().map(|s| (s.input as usize, s.offset, s.length)).collect()));
        job.run(RunCall { body: &c.body, slices: s, entropy_seed: [0; 32], limits: &limits, cancel: &cancel })
    };
    for c in &plan.chunks {
        let r = once(c);
        eprint!("{}", r.log);
        fuel += r.usage.fuel; mem = mem.max(r.usage.memory_bytes);
        match r.outcome { Ok(b) => parts.push(b), Err(o) => { eprintln!("RUN ERROR: {o:?}"); std::process::exit(3) } }
    }
    let bytes: usize = parts.iter().map(Vec::len).sum();
    eprintln!("run: fuel {fuel}, output {bytes} bytes, mem {mem}, cpu {:.2}", cpu() - c2);
    if std::env::var("TWICE").is_ok() { let mut f2 = 0; for (c, p) in plan.chunks.iter().zip(&parts) { let r = once(c); f2 += r.usage.fuel; assert_eq!(r.outcome.unwrap(), *p); } assert_eq!(fuel, f2); eprintln!("twice: equal output and fuel"); }
    let c3 = cpu();
    let out = if m.reduce == job_model::manifest::ReduceMode::Concat { parts.concat() } else {
        let sink = Sink::default(); let n = parts.len() as u32;
        let r = job.reduce(ReduceCall { params: &params, partials: Box::new(Parts(parts.into_iter(), n)), out: Box::new(sink.clone()), entropy_seed: [0; 32], limits: &limits, cancel: &cancel });
        eprint!("{}", r.log);
        if let Err(o) = r.outcome { eprintln!("REDUCE ERROR: {o:?}"); std::process::exit(4) }
        eprintln!("reduce: fuel {}, mem {}", r.usage.fuel, r.usage.memory_bytes);
        let v = sink.0.lock().unwrap().clone(); v
    };
    eprintln!("reduce cpu {:.2}, total cpu {:.2}", cpu() - c3, cpu() - c1);
    use std::io::Write; std::io::stdout().write_all(&out).unwrap();
}
