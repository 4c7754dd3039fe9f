#include "tools/report/sections.h"

namespace stuckat::report {

// s0..s5 are the series (Okabe and Ito's colours, told apart by all kinds of colour vision; the
// marks differ in shape too); h0..h7 are classes of damage, their lightness monotone in both
// schemes, from the page's own to the opposite.
const std::string_view page_style = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2130;--soft:#5b6475;--line:#dde1e8;
--s0:#c8501a;--s1:#0068a8;--s2:#00865f;--s3:#a8568a;--s4:#9a6b00;--s5:#2f8fc4;
--h0:#e9edf2;--h1:#fdf0b8;--h2:#fcd98a;--h3:#f9b25f;--h4:#ee8143;--h5:#d24d3e;--h6:#9c2450;--h7:#4f0d4b;
--deep:#fff;--pale:#1b2130;--masked:#c3cad6;--tolerated:#8fb8d6;--good:#00704d;--bad:#b3261e;
--busy:#1f6fb2;--starved:#f0c862;--blocked:#d9602b;--memory:#8d5fb0;--control:#7c8798;--draining:#6fc1b0;--idle:#e3e7ed}
@media (prefers-color-scheme:dark){:root{--page:#12151b;--card:#1a1f28;--ink:#e7eaf0;--soft:#9aa5b8;--line:#303848;
--s0:#ff8a4c;--s1:#56b4f5;--s2:#35c795;--s3:#e094c4;--s4:#e6b23c;--s5:#9ad4f5;
--h0:#2b3240;--h1:#472a55;--h2:#672561;--h3:#8f2f63;--h4:#ba4057;--h5:#df6243;--h6:#f59d3d;--h7:#fbe583;
--deep:#12151b;--pale:#f2f3f6;--masked:#465063;--tolerated:#4f7fa3;--good:#4fd1a0;--bad:#ff8a80;
--busy:#4aa3e8;--starved:#c79a2e;--blocked:#e8743f;--memory:#b48ad6;--control:#8b96a8;--draining:#4fa696;--idle:#2b3240}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main,header.top{max-width:1140px;margin:0 auto;padding:0 20px}
header.top{padding-top:36px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:22px;margin:52px 0 8px;letter-spacing:-.01em}
h3{font-size:17px;margin:30px 0 6px;overflow-wrap:anywhere}
h4{font-size:14px;margin:0 0 8px}
h3 small,h4 small{font-weight:400;color:var(--soft);font-size:.9em;margin-left:.35em}
p{max-width:78ch;margin:6px 0 12px}
.sub{color:var(--soft);margin:0 0 16px}
.lead{font-size:19px;line-height:1.5;max-width:72ch;border-left:3px solid var(--s1);padding-left:14px;margin:18px 0}
.short{max-width:96ch;color:var(--soft);margin:14px 0}.short li{margin:3px 0}
nav{position:sticky;top:0;z-index:2;background:var(--page);border-bottom:1px solid var(--line);margin-top:20px}
nav div{max-width:1140px;margin:0 auto;padding:8px 20px;display:flex;flex-wrap:wrap;gap:4px 20px}
a{color:var(--s1);text-decoration:none}a:hover{text-decoration:underline}
section{scroll-margin-top:48px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:14px 0}
.tile,figure,article,.facts,details{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tile{padding:12px 14px}
.tile b{display:block;font-size:23px;line-height:1.25;letter-spacing:-.01em;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile span{display:block;color:var(--soft);font-size:13px}.tile small{color:var(--soft)}
.tile.of h3{margin:0 0 8px;font-size:15px}.tile .pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}
.tiles.nets{grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr))}
article{padding:2px 18px 16px;margin:16px 0}
article h3{margin-top:16px}
article .tile,article figure{background:var(--page);border-color:transparent}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,470px),1fr));gap:16px;margin:14px 0}
.figures>*{min-width:0;margin:0}
figure{padding:14px 16px;margin:0}
figure.wide{grid-column:1/-1}
figcaption{color:var(--soft);font-size:13px;margin-top:8px;overflow-wrap:anywhere}
.maps{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}.maps figure{flex:0 1 auto;max-width:100%}.maps svg{width:var(--w);max-width:100%}
.scroll{overflow-x:auto}
svg{display:block;width:100%;max-width:var(--w);min-width:min(var(--w),400px);height:auto}
figure.wide .scroll>svg{max-width:none;min-width:680px}
svg.mark{display:inline-block;width:13px;height:13px;min-width:0;vertical-align:-2px;margin-right:6px}
svg.bar{width:100%;max-width:none;min-width:120px;height:15px;border-radius:3px;overflow:hidden}
svg text{fill:var(--ink);font-size:12px}
svg .tick{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}svg .label{fill:var(--soft)}
svg .name{font-weight:600;font-size:13px;paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.ideal{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 4}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}
svg path{fill:var(--c)}svg .point{stroke:var(--card);stroke-width:1.2}
svg .curve{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round}
svg .drop{stroke:var(--c);stroke-width:1.6;opacity:.55}
svg .golden{stroke:var(--c);stroke-width:1.4;opacity:.8}
svg .dots:focus{outline:1px dashed var(--soft)}
svg .dots{pointer-events:stroke;fill:none;stroke:var(--c);stroke-width:3.4;stroke-linecap:round;opacity:.5}
.h0{--c:var(--h0);--t:var(--pale)}.h1{--c:var(--h1);--t:var(--pale)}.h2{--c:var(--h2);--t:var(--pale)}.h3{--c:var(--h3);--t:var(--pale)}
.h4{--c:var(--h4);--t:var(--ramp,#1b2130)}.h5{--c:var(--h5);--t:var(--deep)}.h6{--c:var(--h6);--t:var(--deep)}.h7{--c:var(--h7);--t:var(--deep)}
@media (prefers-color-scheme:dark){.h4{--ramp:#fff}}
.masked{--c:var(--masked)}.tolerated{--c:var(--tolerated)}.busy{--c:var(--busy)}.starved{--c:var(--starved)}.blocked{--c:var(--blocked)}
.memory{--c:var(--memory)}.control{--c:var(--control)}.draining{--c:var(--draining)}.idle{--c:var(--idle)}
.water{--c:var(--busy)}.full{--c:var(--blocked)}.room{--c:var(--idle)}
svg rect{fill:var(--c)}svg .cell{stroke:var(--line);stroke-width:.6;rx:2px}
svg .unknown{fill:none;stroke-dasharray:2 2;stroke:var(--soft)}
svg .cell:hover,svg .point:hover{stroke:var(--ink);stroke-width:1.8}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:13px;color:var(--soft);margin:4px 0 10px;max-width:none}
.keyed svg.mark{width:19px;height:19px;vertical-align:-5px}.keyed{display:flex;flex-wrap:wrap;gap:0 16px;font-size:13px;align-items:baseline}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:4px 9px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500}.n{text-align:right}
table.layers th[colspan]{text-align:center}.layers small{font-weight:400;color:var(--soft)}
.layers thead .net{color:var(--ink);padding-left:20px;padding-right:20px}
td.h{background:var(--c);color:var(--t)}
tr.total th,tr.total td{border-top:2px solid var(--soft);font-weight:600}
table.bars{width:100%}.barcell{width:60%;min-width:130px}.bars th,.bars td{border-bottom:0;padding:2.5px 8px 2.5px 0}
td.histogram{width:126px}.histogram svg{width:118px;min-width:118px}.fifos .barcell{width:16%;min-width:50px}.fifos svg.bar{min-width:50px}
tr.limits th{font-weight:700}tr.limits small{color:var(--blocked);font-weight:600}
tr.changed td{font-weight:700}tr.changed td:last-child{color:var(--bad)}
.good,.bad{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}
.good::before{content:"\2713\00a0"}.bad::before{content:"\2717\00a0"}
.facts{padding:10px 16px;margin:14px 0}.facts dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0}
.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
details{padding:8px 14px;margin:8px 0}summary{cursor:pointer;font-weight:600}
pre{overflow-x:auto;font:12.5px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
dl.faults{margin:4px 0 12px}dl.faults dt{margin-top:6px;overflow-wrap:anywhere}dl.faults dd{margin:0 0 0 18px;color:var(--soft);overflow-wrap:anywhere}
ul{padding-left:20px;margin:6px 0}li{overflow-wrap:anywhere}
.tools{display:flex;gap:10px;margin:8px 0;font-size:13px}.tools input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:3px 8px;min-width:0;width:220px}
.tools button{font:inherit;color:var(--s1);background:none;border:1px solid var(--line);border-radius:6px;padding:3px 10px;cursor:pointer}
table.data thead th{cursor:pointer}table.data thead th[aria-sort=ascending]::after{content:" \\25b2"}table.data thead th[aria-sort=descending]::after{content:" \\25bc"}
code{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
footer{color:var(--soft);font-size:13px;max-width:1140px;margin:40px auto;padding:0 20px}
#tip{position:fixed;z-index:3;max-width:340px;padding:7px 10px;border-radius:7px;background:var(--ink);color:var(--page);
font-size:12.5px;line-height:1.4;white-space:pre-line;pointer-events:none;display:none;overflow-wrap:anywhere}
@media (max-width:560px){body{font-size:14px}h1{font-size:24px}.lead{font-size:15.5px}main,header.top{padding-left:12px;padding-right:12px}
article{padding:2px 10px 12px}figure{padding:10px}.facts dl{grid-template-columns:1fr}.facts dd{margin-bottom:6px}}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#1b2130;--soft:#4a5364;--line:#ccd2dc}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
nav,.tools,#tip{display:none!important}body{background:#fff;font-size:10.5pt}main,header.top{max-width:none;padding:0}
figure,article,tr,.tile{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}
svg,figure.wide .scroll>svg{min-width:0;max-width:100%}.figures{grid-template-columns:1fr 1fr}
table{font-size:8pt}th,td{white-space:normal;padding:2px 4px;overflow-wrap:anywhere}details:not([open])>*:not(summary){display:none}}
)css";

// Shows tips at once instead of after the browser's delay (without script the delay remains), names
// dots that are pointed at or walked through with the arrow keys, and lets tables be sorted,
// filtered and kept as CSV.
const std::string_view page_script = R"js(
const tip=document.getElementById("tip");
const show=(t,x,y)=>{tip.textContent=t||"";tip.style.display=t?"block":"none";
tip.style.left=Math.max(4,Math.min(x+14,innerWidth-tip.offsetWidth-8))+"px";
tip.style.top=Math.max(4,Math.min(y+14,innerHeight-tip.offsetHeight-8))+"px"};
const dots=new WeakMap();
const dotsOf=p=>{if(!dots.has(p)){const n=p.dataset.n.split("|");
dots.set(p,[...p.getAttribute("d").matchAll(/M([-\d.]+) ([-\d.]+)/g)].map((m,i)=>({x:+m[1],y:+m[2],n:n[i]})).sort((a,b)=>b.y-a.y))}
return dots.get(p)};
const tipOf=n=>{const t=n.querySelector&&n.querySelector(":scope>title");if(t){n.dataset.tip=t.textContent;t.remove()}
return n.dataset&&n.dataset.tip};
document.addEventListener("pointermove",e=>{const n=e.target;
if(n.dataset&&n.dataset.n){const m=n.getScreenCTM(),x=(e.clientX-m.e)/m.a,y=(e.clientY-m.f)/m.d;let best=null,least=1e9;
for(const d of dotsOf(n)){const s=(d.x-x)**2+(d.y-y)**2;if(s<least){least=s;best=d}}
show(best&&best.n,e.clientX,e.clientY)}else show(tipOf(n),e.clientX,e.clientY)});
const walk=(p,i)=>{const all=dotsOf(p),d=all[(i+all.length)%all.length],m=p.getScreenCTM();
p.dataset.i=(i+all.length)%all.length;show(d.n,d.x*m.a+m.e,d.y*m.d+m.f)};
document.querySelectorAll("svg .point").forEach(p=>{if(p.querySelector(":scope>title"))p.tabIndex=0});
document.addEventListener("focusin",e=>{const n=e.target;if(n.dataset.n)walk(n,0);
else if(n.closest("svg")&&tipOf(n)){const r=n.getBoundingClientRect();show(tipOf(n),r.right,r.bottom)}});
document.addEventListener("focusout",()=>show("",0,0));
document.addEventListener("keydown",e=>{const n=e.target;if(!n.dataset||!n.dataset.n)return;
const step={ArrowRight:1,ArrowDown:1,ArrowLeft:-1,ArrowUp:-1}[e.key];if(step){e.preventDefault();walk(n,+n.dataset.i+step)}});
document.querySelectorAll("table.data").forEach(table=>{const body=table.tBodies[0],heads=[...table.tHead.rows[0].cells];
const bar=document.createElement("div");bar.className="tools";
const filter=document.createElement("input");filter.placeholder="filter";filter.setAttribute("aria-label","rows that contain this text");
filter.oninput=()=>{for(const r of body.rows)r.hidden=!r.textContent.toLowerCase().includes(filter.value.toLowerCase())};
const save=document.createElement("button");save.textContent="CSV";
save.onclick=()=>{const cell=c=>{const t=c.textContent.trim();return/[",\n]/.test(t)?'"'+t.replaceAll('"','""')+'"':t};
const rows=[table.tHead.rows[0],...[...body.rows].filter(r=>!r.hidden)].map(r=>[...r.cells].map(cell).join(","));
const a=document.createElement("a");a.href="data:text/csv;charset=utf-8,"+encodeURIComponent(rows.join("\n")+"\n");a.download="table.csv";a.click()};
bar.append(filter,save);table.parentElement.before(bar);
const value=(r,i)=>{const t=r.cells[i].textContent.trim(),n=Number(t.replaceAll(",",""));return t!==""&&n===n?n:t};
heads.forEach((h,i)=>{h.tabIndex=0;const sort=()=>{const down=h.getAttribute("aria-sort")==="ascending";
heads.forEach(o=>o.removeAttribute("aria-sort"));h.setAttribute("aria-sort",down?"descending":"ascending");
[...body.rows].sort((p,q)=>{const a=value(p,i),b=value(q,i);const c=typeof a===typeof b?(a<b?-1:a>b?1:0):typeof a==="number"?-1:1;
return down?-c:c}).forEach(r=>body.append(r))};h.onclick=sort;h.onkeydown=e=>{if(e.key==="Enter"||e.key===" "){e.preventDefault();sort()}}})});
addEventListener("hashchange",()=>{const r=document.getElementById(location.hash.slice(1));if(r&&r.closest("details")){r.closest("details").open=true;r.scrollIntoView()}});
)js";

}  // namespace stuckat::report
