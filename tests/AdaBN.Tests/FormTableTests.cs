using System.Reflection;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>README's table of forms: each row is backed by a test that runs, and says what that test proves.</summary>
[TestClass]
public sealed class FormTableTests
{
    private const string Mark = "<!-- forms -->";

    private static readonly (string Form, string Happens, Type Tests, string Test)[] Rows =
    [
        ("one node, initializers, ranks 2 to 5, any neighbour", "adapted", typeof(GoldenTests), nameof(GoldenTests.Statistics_equal_the_float64_reference)),
        ("opsets 7 to 23", "adapted", typeof(AdapterTests), nameof(AdapterTests.Every_opset_that_ONNX_Runtime_loads_works_alike)),
        ("opsets 1 to 6 (`is_test`, `consumed_inputs`)", "adapted", typeof(FormTests), nameof(FormTests.Old_operator_versions)),
        ("equal tensors merged into Identity nodes (PyTorch)", "adapted; each layer gets tensors of its own", typeof(FormTests), nameof(FormTests.Identity_chains_of_merged_equal_initializers)),
        ("parameters in Constant nodes", "adapted; the statistics become initializers", typeof(FormTests), nameof(FormTests.Constant_nodes)),
        ("parameters through Cast, Reshape, Expand … of constants", "adapted; the statistics become initializers", typeof(FormTests), nameof(FormTests.Chains_of_Reshape_Unsqueeze_Squeeze_Cast_Expand_ConstantOfShape)),
        ("initializers that are inputs too (before IR 4)", "adapted", typeof(FormTests), nameof(FormTests.Initializers_that_are_inputs_too_before_IR_version_4)),
        ("one module called at several places, one depth", "adapted; one statistic of all that passes", typeof(FormTests), nameof(FormTests.One_module_called_at_several_places_of_one_depth_keeps_one_statistic)),
        ("one module called at different depths", "adapted; a statistic a call", typeof(FormTests), nameof(FormTests.One_module_called_at_different_depths_gets_a_statistic_a_call)),
        ("training form, `training_mode` = 1, extra outputs unread", "adapted; turned into inference form", typeof(FormTests), nameof(FormTests.Training_mode_whose_outputs_nobody_reads)),
        ("five outputs before opset 14, unread", "adapted; turned into inference form", typeof(FormTests), nameof(FormTests.Five_outputs_that_nobody_reads)),
        ("float16, bfloat16", "adapted; measured in float32, written in its type", typeof(PrecisionTests), nameof(PrecisionTests.Half_models_are_measured_as_their_float32_twin_and_written_in_their_own_type)),
        ("double", "adapted; measured in float32, written in double", typeof(PrecisionTests), nameof(PrecisionTests.Double_models_match_the_float64_reference_and_keep_every_digit)),
        ("channels last, between Transposes", "adapted", typeof(FormTests), nameof(FormTests.Channels_last_exports_with_Transposes_around_everything)),
        ("in a local function", "adapted; functions are written out in the file", typeof(FormTests), nameof(FormTests.Layers_in_local_functions_called_by_functions)),
        ("in the taken branch of an If of constant condition", "adapted where it stands", typeof(FormTests), nameof(FormTests.A_branch_whose_condition_is_constant)),
        ("written out: Sub, Sqrt, Div, Mul, Add …, in many orders", "adapted; written into its constants", typeof(WrittenOutTests), nameof(WrittenOutTests.Every_order_and_shape)),
        ("folded into Conv, ConvTranspose or Gemm, with a reference", "adapted; written into weights and biases", typeof(FoldedTests), nameof(FoldedTests.Adapted_it_scores_as_the_float64_network_with_BatchNormalization_kept)),
        ("the same in float16", "adapted; measured in float32, written in its type", typeof(FoldedTests), nameof(FoldedTests.Folded_half_models_adapt_as_well_as_float16_can_tell)),
        ("some kept, some folded, no reference", "the kept ones adapted, the others reported", typeof(FoldedTests), nameof(FoldedTests.Nodes_kept_and_folded_are_adapted_together_and_without_a_reference_the_rest_is_told)),
        ("all folded, no reference", "declined, with both ways out", typeof(ReferenceTests), nameof(ReferenceTests.Without_a_reference_both_ways_out_are_named)),
        ("no BatchNormalization, with a reference of the pixels", "the input aligned; in Convs without padding, else a Mul and an Add in front", typeof(PixelTests), nameof(PixelTests.Aligned_it_scores_as_float64_loops_over_aligned_images)),
        ("tensors in files beside the model (external data)", "adapted; the statistics move inside", typeof(ExternalDataTests), nameof(ExternalDataTests.Adapts_as_its_twin_with_everything_inside)),
        ("parameters computed at run time", "declined", typeof(RefusalTests), nameof(RefusalTests.Parameters_computed_at_run_time_are_declined_by_name)),
        ("`spatial` = 0", "declined", typeof(RefusalTests), nameof(RefusalTests.Statistics_for_each_activation_are_declined)),
        ("training form whose extra outputs are read", "declined", typeof(RefusalTests), nameof(RefusalTests.Training_form_whose_statistics_are_read_is_declined_with_the_mend)),
        ("in another If, Loop or Scan", "declined; can be left out", typeof(RefusalTests), nameof(RefusalTests.A_layer_inside_a_branch_is_declined_and_may_be_left_out)),
        ("in a function of another opset than the model's", "declined", typeof(FormTests), nameof(FormTests.A_function_for_another_operator_set_is_declined_with_both_versions)),
        ("bare scale and shift (Mul, Add)", "named, left alone: needs reference statistics", typeof(InspectionTests), nameof(InspectionTests.A_bare_scale_and_shift_needs_reference_statistics)),
        ("LayerNorm, GroupNorm, InstanceNorm, RMSNorm, LRN …", "named, left alone: nothing of the source domain in them", typeof(InspectionTests), nameof(InspectionTests.Normalizations_of_the_sample_are_named_and_left_alone)),
    ];

    [TestMethod]
    public void README_lists_the_forms_as_they_are_tested()
    {
        string table = string.Join('\n', Rows.Select(row => $"| {row.Form} | {row.Happens} | `{row.Test}` |").Prepend("|---|---|---|").Prepend("| form | what happens | test |"));
        string[] parts = File.ReadAllText(Path.Combine(Repository.Root, "README.md")).ReplaceLineEndings("\n").Split(Mark);
        Assert.HasCount(3, parts, $"README has one table between two marks {Mark}");
        Assert.AreEqual(table, parts[1].Trim());
    }

    [TestMethod]
    public void Every_row_names_a_test_that_runs()
    {
        foreach ((string form, _, Type tests, string test) in Rows)
        {
            MethodInfo method = tests.GetMethod(test)!;
            Assert.IsNotNull(method.GetCustomAttribute<TestMethodAttribute>(), form);
            Assert.IsNull(method.GetCustomAttribute<IgnoreAttribute>(), form);
        }
    }
}
