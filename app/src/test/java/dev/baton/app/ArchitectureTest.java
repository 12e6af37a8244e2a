package dev.baton.app;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows of docs/architecture.md: who may use whom. */
class ArchitectureTest {

  private static final JavaClasses BATON =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.baton");

  @Test
  void modulesUseEachOtherOnlyAlongTheArrows() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("model")
        .definedBy("dev.baton.model..")
        .layer("engine")
        .definedBy("dev.baton.engine..")
        .layer("cpu")
        .definedBy("dev.baton.cpu..")
        .layer("cuda")
        .definedBy("dev.baton.cuda..")
        .layer("openai")
        .definedBy("dev.baton.openai..")
        .layer("serving")
        .definedBy("dev.baton.serving..")
        .layer("bench")
        .definedBy("dev.baton.bench..")
        .layer("app")
        .definedBy("dev.baton.app..")
        .withOptionalLayers(true)
        .whereLayer("app")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("bench")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("serving")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("cpu")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("cuda")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("engine")
        .mayOnlyBeAccessedByLayers("app", "serving", "cpu", "cuda")
        .whereLayer("openai")
        .mayOnlyBeAccessedByLayers("app", "serving", "bench")
        .whereLayer("model")
        .mayOnlyBeAccessedByLayers("app", "serving", "cpu", "cuda", "engine")
        .check(BATON);
  }

  @Test
  void roomsHaveNoCycles() {
    slices().matching("dev.baton.(*.*)..").should().beFreeOfCycles().check(BATON);
  }

  @Test
  void onlyTheCpuModuleNeedsTheVectorModule() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.baton.cpu..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator..")
        .check(BATON);
  }
}
