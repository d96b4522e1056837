using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;

namespace AdaBN.Onnx.Tests;

/// <summary>All models of ONNX's own test data: what is loaded and saved is the same file.</summary>
[TestClass]
public sealed class ConformanceTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Every_model_comes_back_byte_for_byte()
    {
        if (!OnnxTestData.IsInstalled) Assert.Inconclusive(OnnxTestData.WhySkipped);
        int models = 0;
        List<string> refused = [], others = [];
        foreach (string file in OnnxTestData.Models)
        {
            models++;
            byte[] original = File.ReadAllBytes(file);
            try
            {
                byte[] saved = OnnxModel.Load(file).ToBytes();
                if (!saved.AsSpan().SequenceEqual(original)) others.Add(file);
                Assert.AreEqual(ModelProto.Parser.ParseFrom(original), ModelProto.Parser.ParseFrom(saved), file);
            }
            catch (OnnxModelException e)
            {
                refused.Add(e.Message);
            }
        }
        TestContext.WriteLine($"{models} models, {others.Count} with other bytes: {string.Join(", ", others)}");
        Assert.IsGreaterThan(1000, models);
        Assert.IsEmpty(refused, string.Join("\n", refused));
        Assert.IsEmpty(others, string.Join("\n", others));
    }
}
