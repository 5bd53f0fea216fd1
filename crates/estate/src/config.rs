//! What the estate is told before it starts.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::clock::SimClock;
use crate::faults::Faults;

/// The most wards that one estate simulates.
pub const MAX_WARDS: usize = 200;
/// The most beds of one ward.
pub const MAX_BEDS: u16 = 60;

/// The size, the seed and the time of a simulated hospital.
#[derive(Debug, Clone)]
pub struct EstateConfig {
    /// Everything that is decided follows from it.
    pub seed: u64,
    /// Simulated time; the node runs on the same start, anchor and speed.
    pub clock: SimClock,
    /// The ODS code of the site, for instance `RXX`.
    pub site_code: String,
    /// The wards, 1 to [`MAX_WARDS`]; each has one cabinet, and its kind goes by turns: HL7 2.5,
    /// HL7 2.3, asking.
    pub wards: usize,
    /// The beds of each ward, 1 to [`MAX_BEDS`].
    pub beds_per_ward: u16,
    /// How long patients stay on average, in hours. The shorter, the busier the PAS.
    pub mean_stay_h: u16,
    /// How many simulated minutes the first patients take to arrive.
    pub fill_min: u16,
    /// The mean time between two attempts at a ward that must be refused, in minutes.
    pub attempt_every_min: u16,
    /// The mean time between two overrides at a ward, in minutes.
    pub override_every_min: u16,
    /// How long the node keeps a discharged patient on the cabinets' list, in hours. Within it a
    /// patient who is still on a list counts as no difference.
    pub discharge_grace_h: u16,
    /// Whether a dose is told at the bedside only after the node has the removal it came from.
    /// Without it, what a cabinet tells late (after a downtime) comes after the administration.
    pub bedside_waits: bool,
    /// The faults of every link from the start.
    pub faults: Faults,
    /// The address on which the ePMA and the cabinets listen.
    pub listen: IpAddr,
}

impl EstateConfig {
    /// Three wards of ten beds, without faults.
    pub fn new(seed: u64, clock: SimClock) -> Self {
        EstateConfig {
            seed,
            clock,
            site_code: "RXX".to_owned(),
            wards: 3,
            beds_per_ward: 10,
            mean_stay_h: 30,
            fill_min: 10,
            attempt_every_min: 30,
            override_every_min: 120,
            discharge_grace_h: 2,
            bedside_waits: true,
            faults: Faults::none(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// The same configuration, with every size held to its range.
    pub(crate) fn held(mut self) -> Self {
        self.wards = self.wards.clamp(1, MAX_WARDS);
        self.beds_per_ward = self.beds_per_ward.clamp(1, MAX_BEDS);
        self.mean_stay_h = self.mean_stay_h.max(1);
        self.attempt_every_min = self.attempt_every_min.max(1);
        self.override_every_min = self.override_every_min.max(1);
        self
    }
}

/// Where the estate finds the node.
#[derive(Debug, Clone)]
pub struct NodeAddresses {
    /// The inbound channel of the PAS.
    pub pas: SocketAddr,
    /// The inbound channel of the ePMA.
    pub epma: SocketAddr,
    /// The inbound channels of the cabinets, by dispensing system (`ADCA`, `ADCB`, `ASK`).
    pub cabinets: BTreeMap<String, SocketAddr>,
    /// The HTTP interface.
    pub http: SocketAddr,
    /// The bearer token of the asking cabinets and of the bedside.
    pub token: String,
}

/// Where the node finds the estate.
#[derive(Debug, Clone)]
pub struct ListenerAddresses {
    /// Where the ePMA hears of dispenses and administrations (RDS^O13, RAS^O17).
    pub epma: SocketAddr,
    /// Where each HL7 cabinet hears its profile, by `system/station`.
    pub cabinets: BTreeMap<String, SocketAddr>,
}
