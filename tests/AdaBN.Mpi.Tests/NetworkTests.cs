using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Two hosts that have a network between them and nothing else in common but the disk: network namespaces, joined by a virtual cable.</summary>
[TestClass]
[DoNotParallelize]
public sealed class NetworkTests
{
    private const string First = "adabn-host1", Second = "adabn-host2";
    private static readonly string[] s_keepAlive = Regex.Match(File.ReadAllText(Path.Combine(Repository.Root, "docs", "scaling.md")), "`((--mca oob_tcp_keepalive_[a-z]+ [0-9]+ ?)+)`").Groups[1].Value.Split(' ');

    [TestInitialize]
    public void Connect()
    {
        if (OperatingSystem.IsWindows() || !TryConnect()) Assert.Inconclusive("network namespaces need Linux, root and iproute2");
        Wait.For(() => StateOf(First, "cable1", "operstate") == "up" && StateOf(Second, "cable2", "operstate") == "up", "the cable's carrier");
    }

    [TestCleanup]
    public void CleanUp() => Disconnect();

    [TestMethod]
    [DataRow("openmpi")]
    [DataRow("mpich")]
    public void Ranks_on_two_hosts_write_the_bytes_of_one_process(string library)
    {
        using var folder = new TemporaryFolder();
        string[] adapt = ["adapt", Repository.Model("digits-cnn.onnx"), "--data", Digits.Write(folder.File("digits.npy"), 600, 1)];
        Launcher.Run([], [.. adapt, "--out", folder.File("alone.onnx")]);
        long before = BytesSent();
        var (exitCode, _, error) = Launcher.Run(OnBothHosts(folder, library), [.. adapt, "--out", folder.File("together.onnx"), "--workers", "2"]);
        Assert.AreEqual(0, exitCode, error);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
        Assert.IsGreaterThan(10_000, BytesSent() - before, "nothing went over the network");
    }

    /// <summary>Open MPI looks after its connections where it is told how often, as docs/scaling.md does; MPICH leaves that to the time-out of a stage.</summary>
    [TestMethod]
    [DataRow("openmpi", 600, 10)]
    [DataRow("mpich", 5, 40)]
    public void A_cut_cable_ends_the_job_on_both_hosts(string library, int stageTimeOut, int endsWithin)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 30_000, 1), state = folder.File("run.state");
        using Process job = Launcher.Start(OnBothHosts(folder, library), "adapt", Repository.Model("digits-cnn.onnx"), "--data", data, "--threads", "1", "--batch-size", "1", "--policy", "adabn", "--judge", "0",
            "--out", folder.File("out.onnx"), "--workers", "2", "--stage-timeout", $"{stageTimeOut}", "--state", state);
        Wait.For(() => File.Exists(state), "the first stage's state");
        var watch = Stopwatch.StartNew();
        Assert.IsTrue(Ip($"-n {First} link set cable1 down"));
        var (exitCode, _, error) = Launcher.Finish(job);
        Assert.AreNotEqual(0, exitCode);
        Assert.Contains(library == "openmpi" ? "lost communication with a remote daemon" : "Rank 0 waited 5 s for word of rank 1", error);
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
        Assert.IsLessThan(endsWithin, watch.Elapsed.TotalSeconds);
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
    }

    /// <summary>The launcher on the first host, with a rank there and one on the second.</summary>
    private static string[] OnBothHosts(TemporaryFolder folder, string library)
    {
        string agent = folder.File("agent.sh"); // what ssh is elsewhere
        File.WriteAllText(agent, $"#!/bin/sh\nwhile [ \"${{1#-}}\" != \"$1\" ]; do shift; done\nshift\nexec ip netns exec {Second} sh -c \"$*\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(agent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] onFirst = ["ip", "netns", "exec", First], launcher = Launcher.Of(library, 2);
        return library == "openmpi"
            ? [.. onFirst, launcher[0], "-n", "2", "--allow-run-as-root", "--bind-to", "none", "--host", "10.77.0.1:1,10.77.0.2:1", "-x", "TERM=dumb", "--mca", "plm_rsh_agent", agent,
                "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24", .. s_keepAlive]
            : [.. onFirst, launcher[0], "-launcher", "ssh", "-launcher-exec", agent, "-hosts", "10.77.0.1,10.77.0.2", "-genv", "UCX_TLS", "tcp,self", .. launcher[1..]];
    }

    private static bool TryConnect()
    {
        Disconnect();
        return Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip") && Ip($"netns add {First}") && Ip($"netns add {Second}")
            && Ip($"link add cable1 netns {First} type veth peer name cable2 netns {Second}")
            && Ip($"-n {First} addr add 10.77.0.1/24 dev cable1") && Ip($"-n {Second} addr add 10.77.0.2/24 dev cable2")
            && Ip($"-n {First} link set lo up") && Ip($"-n {Second} link set lo up") && Ip($"-n {First} link set cable1 up") && Ip($"-n {Second} link set cable2 up");
    }

    private static void Disconnect()
    {
        Ip($"netns del {First}");
        Ip($"netns del {Second}");
    }

    private static long BytesSent() => long.Parse(StateOf(First, "cable1", "statistics/tx_bytes"));

    private static string StateOf(string host, string device, string what)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", host, "cat", $"/sys/class/net/{device}/{what}"]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd().Trim();
    }

    private static bool Ip(string arguments)
    {
        if (!File.Exists("/usr/sbin/ip")) return false;
        using Process process = Process.Start(new ProcessStartInfo("/usr/sbin/ip", arguments.Split(' ')) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
