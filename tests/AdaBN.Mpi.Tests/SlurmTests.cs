using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Jobs under a real Slurm of four nodes: the batch script of docs/scaling.md, by the letter but for the names of files.</summary>
[TestClass]
[DoNotParallelize]
public sealed class SlurmTests
{
    private const int LongJob = 30_000; // samples: it takes far longer than what stops it
    private static readonly string s_model = Repository.Model("digits-cnn.onnx");
    private static SlurmCluster? s_cluster;

    private static string Page => File.ReadAllText(Path.Combine(Repository.Root, "docs", "scaling.md")).ReplaceLineEndings("\n");

    private static SlurmCluster Cluster => s_cluster ??= SlurmCluster.Start();

    [ClassCleanup]
    public static void StopCluster() => s_cluster?.Dispose();

    [TestMethod]
    [DataRow("pmix")]
    [DataRow("pmi2")]
    public void The_batch_script_writes_the_bytes_of_one_process(string mpi)
    {
        string data = Digits.Write(Cluster.File($"{Path.GetRandomFileName()}.npy"), 600, mpi.Length), script = Script(mpi, data, out string model);
        Cluster.Run($"adabn adapt {s_model} --data {data} --out {mpi}.alone.onnx");
        string job = Cluster.Run($"sbatch --parsable -o {mpi}.log {script}").Output.Trim();
        Wait.For(() => Cluster.Run($"squeue -h -t all -j {job} -o %T").Output.Trim() is "COMPLETED" or "FAILED", "the job's end"); // sbatch --wait looks at ever longer intervals
        Assert.IsTrue(File.Exists(model), File.ReadAllText(Cluster.File($"{mpi}.log")));
        CollectionAssert.AreEqual(File.ReadAllBytes(Cluster.File($"{mpi}.alone.onnx")), File.ReadAllBytes(model));
        Assert.HasCount(SlurmCluster.Nodes, Cluster.Calls.Where(call => call.Contains(model)).ToArray());
    }

    [TestMethod]
    public void A_job_that_is_put_back_into_the_queue_goes_on_from_its_state()
    {
        string data = Digits.Write(Cluster.File($"{Path.GetRandomFileName()}.npy"), LongJob, 9), script = Script("pmix", data, out string model), state = Path.Combine(Path.GetDirectoryName(model)!, "site42.state");
        const string Slow = "--threads 1 --batch-size 1 --policy adabn --judge 0";
        File.WriteAllText(script, File.ReadAllText(script).Replace("--threads \"$SLURM_CPUS_PER_TASK\"", Slow, StringComparison.Ordinal));
        Cluster.Run($"adabn adapt {s_model} --data {data} {Slow.Replace("--threads 1", "", StringComparison.Ordinal)} --out long.onnx");

        string job = Cluster.Run($"sbatch --parsable -o long.log {script}").Output.Trim();
        Wait.For(() => File.Exists(state), "the first stage's state");
        Assert.AreEqual(0, Cluster.Run($"scontrol requeue {job}").ExitCode);
        Wait.For(() => Cluster.Run($"squeue -h -j {job} -o %T").Output.Trim() == "PENDING", "the job's return to the queue");
        Assert.IsFalse(File.Exists(model));
        Assert.IsEmpty(Launcher.RanksWith(data));
        Cluster.Run($"scontrol update JobId={job} StartTime=now"); // Slurm lets it wait for two minutes
        Wait.For(() => File.Exists(model), "the model", seconds: 120);

        CollectionAssert.AreEqual(File.ReadAllBytes(Cluster.File("long.onnx")), File.ReadAllBytes(model));
        string[] calls = [.. Cluster.Calls.Where(call => call.Contains(model))];
        Assert.HasCount(2 * SlurmCluster.Nodes, calls);
        Assert.IsTrue(calls[..SlurmCluster.Nodes].All(call => !call.Contains("--resume")) && calls[SlurmCluster.Nodes..].All(call => call.Contains("--resume")));
        Wait.For(() => !File.Exists(state), "the state's end");
    }

    [TestMethod]
    public void The_loop_of_arrays_writes_the_bytes_of_one_process()
    {
        string loop = Regex.Match(Page, @"\n```bash\n(set -e\n[^`]*sbatch.*?)```", RegexOptions.Singleline).Groups[1].Value, folder = Directory.CreateDirectory(Cluster.File("array")).FullName;
        Assert.Contains("--array=0-99", loop);
        File.Copy(Path.Combine(Repository.Golden, "conv_chain", "model.onnx"), Path.Combine(folder, "classifier.onnx")); // of few stages: sbatch --wait takes seconds for each
        File.Copy(Path.Combine(Repository.Golden, "conv_chain", "image.npy"), Path.Combine(folder, "site42.npy"));
        string two = loop.Replace("0-99", "0-1", StringComparison.Ordinal).Replace("0..99", "0..1", StringComparison.Ordinal).Replace("/100", "/2", StringComparison.Ordinal);
        var (exitCode, output, error) = Cluster.Run($"cd {folder} && adabn adapt classifier.onnx --data site42.npy --policy adabn --judge 0 --out alone.onnx\n{two}");
        Assert.AreEqual(0, exitCode, output + error);
        CollectionAssert.AreEqual(File.ReadAllBytes(Path.Combine(folder, "alone.onnx")), File.ReadAllBytes(Path.Combine(folder, "classifier.site42.onnx")));
    }

    [TestMethod]
    [DataRow("pmix")]
    [DataRow("pmi2")]
    public void A_killed_task_ends_the_step(string mpi)
    {
        string data = Digits.Write(Cluster.File($"{Path.GetRandomFileName()}.npy"), LongJob, 10), state = Cluster.File($"{mpi}.killed.state"), model = Cluster.File($"{mpi}.killed.onnx");
        using Process step = Cluster.StartLine($"srun --kill-on-bad-exit=1 --mpi={mpi} -N 3 -n 3 adabn adapt {s_model} --data {data} --threads 1 --batch-size 1 --policy adabn --judge 0 --workers 3 --state {state} --out {model}");
        Wait.For(() => File.Exists(state), "the first stage's state");
        var watch = Stopwatch.StartNew();
        Process.Start("kill", ["-KILL", $"{Launcher.RanksWith(data)[^1]}"]).WaitForExit();
        var (exitCode, _, error) = Launcher.Finish(step);
        Assert.AreNotEqual(0, exitCode, error);
        Assert.IsLessThan(10, watch.Elapsed.TotalSeconds);
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
        Assert.IsFalse(File.Exists(model));
    }

    [TestMethod]
    public void Tasks_that_do_not_find_each_other_are_refused()
    {
        string data = Digits.Write(Cluster.File($"{Path.GetRandomFileName()}.npy"), 100, 11), adapt = $"adabn adapt {s_model} --data {data} --out {Cluster.File("refused.onnx")}";

        var (unasked, _, unaskedError) = Cluster.Run($"srun -n 2 {adapt}");
        Assert.AreNotEqual(0, unasked);
        Assert.Contains("one of 2 (SLURM_STEP_NUM_TASKS)", unaskedError);
        Assert.Contains("Add --workers 2", unaskedError);

        var (foreign, _, foreignError) = Cluster.Run($"srun --mpi=pmix -n 2 {adapt} --workers 2 --mpi-library libmpich.so.12");
        Assert.AreNotEqual(0, foreign);
        Assert.Contains("sees 1 process, expected 2", foreignError);
        Assert.Contains("srun --mpi=pmi2", foreignError);

        var (none, _, noneError) = Cluster.Run($"srun --mpi=none -n 2 {adapt} --workers 2");
        Assert.AreNotEqual(0, none, noneError);
        Assert.IsFalse(File.Exists(Cluster.File("refused.onnx")));

        // A batch script, before it calls srun, is one process however many tasks it was given.
        File.WriteAllText(Cluster.File("alone.sh"), $"#!/bin/bash\n{adapt}\n");
        Assert.AreEqual(0, Cluster.Run("sbatch --wait -n 2 -o alone.log alone.sh").ExitCode, File.Exists(Cluster.File("alone.log")) ? File.ReadAllText(Cluster.File("alone.log")) : "no log");
        Assert.IsTrue(File.Exists(Cluster.File("refused.onnx")));
    }

    /// <summary>The page's script, in a folder of its own that stands for /shared.</summary>
    private static string Script(string mpi, string data, out string model)
    {
        string script = Regex.Match(Page, @"\n```bash\n(#!/bin/bash\n#SBATCH.*?)```", RegexOptions.Singleline).Groups[1].Value;
        string folder = Directory.CreateDirectory(Cluster.File(Path.GetRandomFileName())).FullName, file = Path.Combine(folder, "job.sh");
        foreach ((string there, string here) in ((string, string)[])[("--mpi=pmix ", $"--mpi={mpi} "), ("--data /shared/site42 --preset imagenet", $"--data {data}"), ("/shared/classifier.onnx", s_model)])
        {
            Assert.Contains(there, script);
            script = script.Replace(there, here, StringComparison.Ordinal);
        }
        File.WriteAllText(file, script.Replace("/shared/", $"{folder}/", StringComparison.Ordinal));
        model = Path.Combine(folder, "classifier.site42.onnx");
        return file;
    }
}
