using System.Collections.Immutable;
using System.Diagnostics;
using AdaBN.TestSupport;

namespace ScoringService.Tests;

/// <summary>The swap itself, many times over, under the fire of several threads.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ModelSlotTests
{
    private static readonly ImmutableArray<int> s_shape = [1, 28, 28];

    [TestMethod]
    public void A_replaced_model_answers_the_requests_under_way_and_closes_with_the_last()
    {
        int before = ServedModel.Open;
        using var second = new ServedModel(Digits.SourceBytes, s_shape);
        var first = new ServedModel(Digits.SourceBytes, s_shape);
        var slot = new ModelSlot(first);
        ModelSlot.Lease early = slot.Borrow(), late = slot.Borrow();
        slot.Replace(second);
        Assert.AreEqual(before + 2, ServedModel.Open);
        early.Dispose();
        Assert.HasCount(10, late.Model.Score(new float[784]));
        Assert.AreEqual(before + 2, ServedModel.Open);
        late.Dispose();
        Assert.AreEqual(before + 1, ServedModel.Open);
        Assert.IsFalse(first.TryEnter(), "a closed model lets nobody in");
        using ModelSlot.Lease now = slot.Borrow();
        Assert.AreSame(second, now.Model);
    }

    [TestMethod]
    public void Hundreds_of_swaps_under_fire_drop_no_request_and_leave_no_session()
    {
        const int threads = 4, swaps = 300;
        int before = ServedModel.Open;
        float[] tensor = Digits.TensorOf(ShippedDigits.Mnist.Images[0]), expected = Digits.ScoresOf(Digits.SourceBytes, [tensor])[0];
        var slot = new ModelSlot(new ServedModel(Digits.SourceBytes, s_shape));
        using var stop = new CancellationTokenSource();
        long answers = 0;
        Task[] clients = [.. Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using ModelSlot.Lease lease = slot.Borrow();
                CollectionAssert.AreEqual(expected, lease.Model.Score(tensor));
                Interlocked.Increment(ref answers);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        long memory = 0;
        ServedModel last = null!;
        for (int swap = 0; swap < swaps; swap++)
        {
            if (swap == swaps / 3) memory = WorkingSet(); // by then, everything is warm
            slot.Replace(last = new ServedModel(Digits.SourceBytes, s_shape));
        }
        long growth = WorkingSet() - memory;
        stop.Cancel();
        Task.WaitAll(clients); // a request that failed fails the test here
        Assert.AreEqual(before + 1, ServedModel.Open);
        last.Dispose();
        Assert.AreEqual(before, ServedModel.Open);
        Console.WriteLine($"{swaps} swaps, {answers} answers, working set {growth / (1 << 20)} MB more after the last {swaps * 2 / 3} of them");
        Assert.IsGreaterThan(swaps, answers);
        Assert.IsLessThan(64L << 20, growth);
    }

    [TestMethod]
    public void A_model_that_does_not_score_is_refused_and_closed()
    {
        int before = ServedModel.Open;
        Assert.Contains("ONNX Runtime", Assert.ThrowsExactly<InvalidDataException>(() => new ServedModel(Digits.SourceBytes, [3, 28, 28])).Message);
        Assert.Contains("ONNX Runtime refuses", Assert.ThrowsExactly<InvalidDataException>(() => new ServedModel(Digits.SourceBytes[..1000], s_shape)).Message);
        Assert.AreEqual(before, ServedModel.Open);
    }

    private static long WorkingSet()
    {
        GC.Collect();
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
