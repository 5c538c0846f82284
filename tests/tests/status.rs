//! What a coordinator of a fleet tells kubelets and KEDA, as they ask it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use proto::keda::external_scaler_client::ExternalScalerClient;
use proto::keda::{GetMetricsRequest, ScaledObjectRef};
use tempfile::TempDir;
use tests::binaries;
use tests::process::{kill, terminate};
use tests::system::{et_coord, text, until};
use tokio::runtime::{self, Runtime};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A coordinator that is ended with the test.
struct Coordinator {
    process: Child,
    address: String,
    status: String,
    runtime: Runtime,
}

impl Coordinator {
    fn start() -> Coordinator {
        let mut command = Command::new(binaries::et_coord());
        command.args(["serve", "--listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = |what: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(&format!("et-coord: {what} at ")).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let (address, status) = (said("serving"), said("status"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Coordinator { process, address, status, runtime }
    }

    /// Shards that there are to do, as KEDA hears it; `None` while the coordinator cannot tell, or tells two things.
    fn shards(&self) -> Option<i64> {
        let asker = ScaledObjectRef::default();
        let request =
            GetMetricsRequest { scaled_object_ref: Some(asker.clone()), metric_name: String::new() };
        self.runtime.block_on(async {
            let mut keda = ExternalScalerClient::connect(self.status.clone()).await.unwrap();
            let values = keda.get_metrics(request).await.ok()?.into_inner().metric_values;
            let is_active = keda.is_active(asker).await.ok()?.into_inner().result;
            // Work may have come or gone between the two.
            (is_active == (values[0].metric_value > 0)).then_some(values[0].metric_value)
        })
    }

    /// What a kubelet hears; `None` where nobody answers.
    fn serving(&self) -> Option<ServingStatus> {
        self.runtime.block_on(async {
            let channel = Endpoint::from_shared(self.status.clone()).unwrap().connect().await.ok()?;
            let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await.ok()?;
            Some(answer.into_inner().status())
        })
    }

    fn ask(&self, arguments: &[&str]) {
        let output = et_coord(arguments.iter().copied().chain(["--coordinator", &self.address]));
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        kill(self.process.id());
        let _ = self.process.wait();
    }
}

#[test]
fn autoscaler_hears_of_shards_as_long_as_there_are_any() {
    let folder = TempDir::new().unwrap();
    let code = folder.path().join("code");
    fs::create_dir(&code).unwrap();
    for number in 0..12 {
        fs::write(code.join(format!("program_{number:02}.py")), "pass\n").unwrap();
    }
    let dataset = folder.path().join("dataset");
    let coordinator = Coordinator::start();
    until("the coordinator can tell", || coordinator.shards() == Some(0));

    let (code, dataset) = (code.to_str().unwrap(), dataset.to_str().unwrap());
    coordinator.ask(&["submit", code, "--output", dataset, "--shard-sources", "4"]);
    until("its shards are there to do", || coordinator.shards() == Some(3));

    let job: serde_json::Value = {
        let output = et_coord(["jobs", "--json", "--coordinator", &coordinator.address]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let id = job[0]["job"].as_str().unwrap();
    coordinator.ask(&["pause", id]);
    until("nobody wants workers for a job that is paused", || coordinator.shards() == Some(0));
    coordinator.ask(&["resume", id]);
    until("its shards are there to do again", || coordinator.shards() == Some(3));
    coordinator.ask(&["cancel", id]);
    until("nobody wants workers for a job that is cancelled", || coordinator.shards() == Some(0));
}

#[test]
fn kubelet_hears_that_a_coordinator_serves_until_it_is_told_to_go() {
    let mut coordinator = Coordinator::start();
    assert_eq!(coordinator.serving(), Some(ServingStatus::Serving));
    assert!(terminate(coordinator.process.id()));
    until("nobody is sent there any more", || coordinator.serving() != Some(ServingStatus::Serving));
    until("it is gone", || coordinator.process.try_wait().unwrap().is_some());
    assert!(coordinator.process.wait().unwrap().success());
}
